import { join, resolve } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../foundation/files.ts";
import { clusterRef } from "../lifecycle/cluster.ts";
import { ensureKeys } from "../lifecycle/keys.ts";
import { makeFolder, ownedBy } from "../lifecycle/owner.ts";
import { renderUserData } from "../provision/user-data.ts";
import { renderVagrantFolder, type RenderedFile } from "../provision/vagrant.ts";
import { machinesOf } from "../spec/machines.ts";
import type { ClusterSpec, ProviderName } from "../spec/model.ts";
import type { Context } from "./context.ts";

export interface RenderOptions {
  readonly provider: string | undefined;
  readonly out: string | undefined;
  readonly check: boolean;
}

export interface RenderOutcome {
  readonly folder: string;
  /** Paths in the folder whose content is not, or was not, what it should be. */
  readonly changed: readonly string[];
}

/** Renders a cluster's folder for its provider, and writes or compares it. */
export async function renderFolder(context: Context, options: RenderOptions): Promise<RenderOutcome> {
  const dir = await context.clusterDir();
  const spec = await context.spec(dir);
  const provider = providerOf(options.provider, spec);
  const ref = clusterRef(spec.name, dir);
  const machines = machinesOf(spec);
  const { owner } = await context.world();
  const { keys } = await ensureKeys({ stateDir: ref.stateDir, cluster: spec.name, owner, machines });
  const userData = Object.fromEntries(
    machines.map((machine) => [machine.name, renderUserData({ spec, machine, machines, keys, provider })]),
  );
  const files: readonly RenderedFile[] =
    provider === "virtualbox"
      ? renderVagrantFolder({ spec, machines, keys, userData })
      : Object.entries(userData).map(([name, content]) => ({
          path: `cloud-config/${name}.yaml`,
          content,
          mode: 0o600,
        }));
  const usual = provider === "virtualbox" ? "vagrant" : "rendered";
  const folder = options.out === undefined ? join(dir, usual) : resolve(context.io.cwd, options.out);
  const changed: string[] = [];
  for (const { path, content, mode } of files) {
    const target = join(folder, path);
    if ((await readIfExists(target)) === content) continue;
    changed.push(path);
    if (options.check) continue;
    await makeFolder(join(target, ".."), 0o755, owner);
    await writeAtomically(target, content, { mode, ...ownedBy(owner) });
  }
  return { folder, changed };
}

function providerOf(asked: string | undefined, spec: ClusterSpec): ProviderName {
  const wish = asked ?? spec.provider;
  switch (wish) {
    case "virtualbox":
    case "nspawn":
      return wish;
    case "auto":
      return "virtualbox";
    default:
      throw new AppError("E_NOT_SUPPORTED", `rendering for ${wish} is not supported yet`, {
        hint: "use '--provider virtualbox'",
      });
  }
}
