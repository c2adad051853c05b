import { resolve } from "node:path";
import { Document } from "yaml";
import { loadSpec } from "../../spec/load.ts";
import { carryConfigRb } from "./config-rb.ts";
import { isMap, type Draft } from "./draft.ts";
import { carryUserData } from "./user-data.ts";

export interface ImportInput {
  /** The new cluster's name. */
  readonly name: string;
  /** The folder itself, absolute: paths in config.rb begin there. */
  readonly dir: string;
  /** The texts of the folder's files; undefined where there is none. */
  readonly configRb: string | undefined;
  readonly userData: string | undefined;
}

export interface Imported {
  /** The text of a valid cluster.yaml. */
  readonly yaml: string;
  /** What could not be carried over, a line each. */
  readonly notes: readonly string[];
}

/**
 * Makes a cluster.yaml of the files of a coreos-vagrant folder.
 * @throws E_CONFIG_INVALID when one of them cannot be read
 */
export function importCluster({ name, dir, configRb, userData }: ImportInput): Imported {
  // What coreos-vagrant did when nothing was set.
  const machines = { count: 1, prefix: "core" };
  const file = { version: 1, name, provider: "virtualbox", os: { channel: "alpha" }, machines };
  const draft: Draft = { file, notes: [] };
  if (configRb !== undefined) carryConfigRb(draft, configRb, "config.rb");
  if (userData !== undefined) carryUserData(draft, userData, "user-data");
  draft.file["sharedFolders"] = absolute(draft.file["sharedFolders"], dir);
  dropRefused(draft);
  return { yaml: textOf(draft.file), notes: draft.notes };
}

function absolute(folders: unknown, dir: string): unknown {
  if (!Array.isArray(folders)) return undefined;
  const own = /^(~|[A-Za-z]:)/;
  return (folders as { host: string; guest: unknown }[]).map(({ host, guest }) => ({
    host: own.test(host) ? host : resolve(dir, host),
    guest,
  }));
}

/** Takes out what cluster.yaml may not have; each time around may show more. */
function dropRefused({ file, notes }: Draft): void {
  for (;;) {
    const loaded = loadSpec(textOf(file), "cluster.yaml");
    if (loaded.ok) return;
    const [problem] = loaded.problems;
    const path = problem?.path.split(".") ?? [];
    if (problem === undefined || !remove(file, path)) throw new TypeError(JSON.stringify(loaded.problems));
    notes.push(`${problem.path}: ${problem.message}`);
  }
}

/**
 * Removes what stands at the path, or the nearest thing around it; of a list the whole entry. Names may have dots in them.
 */
function remove(value: unknown, path: readonly string[]): boolean {
  if (Array.isArray(value)) return value.splice(Number(path[0]), 1).length === 1;
  if (!isMap(value)) return false;
  for (let length = path.length; length > 0; length -= 1) {
    const key = path.slice(0, length).join(".");
    if (!Object.hasOwn(value, key)) continue;
    if (remove(value[key], path.slice(length))) return true;
    return !["version", "name"].includes(key) && delete value[key];
  }
  return false;
}

function textOf(file: Record<string, unknown>): string {
  const document = new Document(file, { aliasDuplicateObjects: false });
  document.commentBefore = " Made by 'cluster import' from the files of a coreos-vagrant folder.";
  return document.toString({ lineWidth: 0 });
}
