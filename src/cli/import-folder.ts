import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../foundation/files.ts";
import { makeFolder, ownedBy } from "../lifecycle/state/owner.ts";
import { importCluster } from "../provision/import/import.ts";
import type { Context } from "./context.ts";

export interface ImportOutcome {
  /** The cluster.yaml that was written. */
  readonly path: string;
  readonly notes: readonly string[];
}

/** Makes a cluster of a coreos-vagrant folder. @throws E_USAGE, E_CONFIG_INVALID, E_STATE_CONFLICT */
export async function importFolder(
  context: Context,
  folder: string,
  wanted: string | undefined,
): Promise<ImportOutcome> {
  const source = resolve(context.io.cwd, folder);
  const [configRb, userData] = await Promise.all([
    readIfExists(join(source, "config.rb")),
    readIfExists(join(source, "user-data")),
  ]);
  if (configRb === undefined && userData === undefined) {
    throw new AppError("E_USAGE", `${source} has neither config.rb nor user-data`, {
      hint: "name the folder of a coreos-vagrant checkout that was set up",
    });
  }
  const name = nameOf(wanted, source);
  const dir = join(context.io.cwd, "clusters", name);
  const path = join(dir, "cluster.yaml");
  const imported = importCluster({ name, dir: source, configRb, userData });
  if (await exists(path)) {
    throw new AppError("E_STATE_CONFLICT", `there is a cluster in ${dir} already`, {
      hint: "choose another name with --name; nothing was written",
    });
  }
  const { owner } = await context.world();
  const files = { "cluster.yaml": imported.yaml, ".gitignore": ".state/\nvagrant/\n" };
  await makeFolder(join(context.io.cwd, "clusters"), 0o755, owner);
  await makeFolder(dir, 0o755, owner);
  for (const [file, content] of Object.entries(files)) {
    if (await exists(join(dir, file))) continue;
    // A user-data may hold passwords and keys.
    await writeAtomically(join(dir, file), content, { mode: 0o600, ...ownedBy(owner) });
  }
  return { path, notes: imported.notes };
}

function nameOf(wanted: string | undefined, source: string): string {
  const name =
    wanted ??
    basename(source)
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, "-");
  if (/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return name;
  throw new AppError("E_USAGE", `"${name}" is no name for a cluster`, {
    hint: "give one with --name: lower-case letters, digits and hyphens, a letter first, at most 32",
  });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
