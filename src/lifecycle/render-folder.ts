import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { scrub } from "../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../foundation/files.ts";
import { unifiedDiff } from "../foundation/unified-diff.ts";
import { vmNames } from "../provider/vagrant/names.ts";
import { mergeConfigRb, type KeptValue } from "../provision/config-rb.ts";
import { osProfile } from "../provision/os-profile.ts";
import { renderUserData } from "../provision/user-data.ts";
import { renderVagrantFolder, type RenderedFile } from "../provision/vagrant.ts";
import { machinesOf } from "../spec/machines.ts";
import type { ClusterSpec, ProviderName } from "../spec/model.ts";
import { clusterRef, type World } from "./cluster.ts";
import { etcdStarts } from "./prepare/discovery.ts";
import { ensureKeys } from "./state/keys.ts";
import { makeFolder, ownedBy } from "./state/owner.ts";
import { stateFile } from "./state/state.ts";

export interface RenderRequest {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  readonly spec: ClusterSpec;
  readonly provider: ProviderName;
  /** Where to; absolute. */
  readonly folder: string;
  /** Compare only. */
  readonly check: boolean;
}

export interface RenderOutcome {
  readonly folder: string;
  /** Paths in the folder whose content is not, or was not, what it should be. */
  readonly changed: readonly string[];
  /** The changes in the format of `diff -u`, without secrets. */
  readonly diff: string;
  /** What in config.rb is the user's own. */
  readonly kept: readonly KeptValue[];
}

/** Renders a cluster's folder for its provider, and writes or compares it. Hand edits in config.rb are kept. */
export async function renderFolder(world: World, request: RenderRequest): Promise<RenderOutcome> {
  const { folder } = request;
  const rendered = await render(world, request);
  // Everything is read before anything is written: a file that cannot be read leaves all as it is.
  const { files, kept } = await withHandEdits(folder, rendered);
  const stale = await staleFiles(folder, files);
  const extra = await leftovers(folder, files);
  const gone = extra.map(({ path, before }) => ({ path, before, after: "" }));
  const diff = [...stale, ...gone].map(({ path, before, after }) => diffOf(path, before, after)).join("");
  if (!request.check) {
    for (const { path, after, mode } of stale) {
      const target = join(folder, path);
      await makeFolder(join(target, ".."), 0o755, world.owner);
      await writeAtomically(target, after, { mode, ...ownedBy(world.owner) });
    }
    for (const { path } of extra) await rm(join(folder, path), { force: true });
  }
  return { folder, changed: [...stale, ...extra].map(({ path }) => path), diff, kept };
}

async function render(
  world: World,
  { spec, provider, dir }: RenderRequest,
): Promise<readonly RenderedFile[]> {
  const machines = machinesOf(spec);
  for (const limit of osProfile(spec, provider).cannot) world.emit({ kind: "note", message: limit });
  const { notes, executable, insecureKey, box } = await world.materials(spec, provider);
  for (const message of notes) world.emit({ kind: "note", message });
  const ref = clusterRef(spec.name, dir);
  const { keys } = await ensureKeys({
    stateDir: ref.stateDir,
    cluster: spec.name,
    owner: world.owner,
    machines,
  });
  const startOf = await etcdStarts(world, spec, ref.stateDir);
  const own = {
    ...(insecureKey === undefined ? {} : { insecureKey }),
    ...(executable === undefined ? {} : { executable: executable.sha256 }),
  };
  const userData = Object.fromEntries(
    machines.map((machine) => [
      machine.name,
      renderUserData({ spec, machine, machines, keys, provider, ...own, ...startOf(machine.name) }),
    ]),
  );
  if (provider !== "nspawn") {
    const state = await stateFile(ref.stateDir, world.owner).read();
    const known = Object.entries(state?.machines ?? {}).map(([name, { machineId }]) => [name, machineId]);
    return renderVagrantFolder({
      spec,
      machines,
      keys,
      userData,
      provider,
      names: vmNames(ref),
      machineIds: Object.fromEntries(known) as Record<string, string>,
      ...(executable === undefined ? {} : { executable }),
      ...(box === undefined ? {} : { box }),
    });
  }
  return Object.entries(userData).map(([name, content]) => ({
    path: `cloud-config/${name}.yaml`,
    content,
    mode: 0o600,
  }));
}

/** The files as they are to be, with the user's own values in config.rb. */
async function withHandEdits(
  folder: string,
  rendered: readonly RenderedFile[],
): Promise<{ readonly files: readonly RenderedFile[]; readonly kept: readonly KeptValue[] }> {
  const fresh = rendered.find(({ path }) => path === "config.rb");
  if (fresh === undefined) return { files: rendered, kept: [] };
  const path = join(folder, fresh.path);
  const merged = mergeConfigRb(await readIfExists(path), fresh.content, path);
  const files = rendered.map((file) => (file === fresh ? { ...file, content: merged.text } : file));
  return { files, kept: merged.kept };
}

interface StaleFile {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly mode: number;
}

async function staleFiles(folder: string, files: readonly RenderedFile[]): Promise<readonly StaleFile[]> {
  const all = await Promise.all(
    files.map(async ({ path, content, mode }) => {
      const before = await readIfExists(join(folder, path));
      return before === content ? [] : [{ path, before: before ?? "", after: content, mode }];
    }),
  );
  return all.flat();
}

/** The cloud-configs of machines that cluster.yaml no longer has. */
async function leftovers(
  folder: string,
  files: readonly RenderedFile[],
): Promise<readonly { readonly path: string; readonly before: string }[]> {
  const names = await readdir(join(folder, "cloud-config")).catch(() => []);
  const paths = names.filter((name) => name.endsWith(".yaml")).map((name) => `cloud-config/${name}`);
  const extra = paths.filter((path) => !files.some((file) => file.path === path));
  return await Promise.all(
    extra.map(async (path) => ({ path, before: (await readIfExists(join(folder, path))) ?? "" })),
  );
}

/** Private keys and passwords do not belong on a terminal. */
function diffOf(path: string, before: string, after: string): string {
  const shown = unifiedDiff(path, scrub(before), scrub(after));
  return shown === "" ? `--- a/${path}\n+++ b/${path}\n(only keys or passwords differ)\n` : shown;
}
