import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../foundation/errors.ts";
import { findCluster, type KnownCluster, type World } from "../../lifecycle/cluster.ts";
import { conditionOf } from "../../lifecycle/state/condition.ts";
import type { Facts, SeenFile, SeenMachine } from "./plan.ts";

export interface Look {
  readonly facts: Facts;
  /** Undefined where `facts` say that it is not known. */
  readonly cluster: KnownCluster | undefined;
}

/** What there is of the cluster in `dir`, also when it is down, half-made or damaged. Changes nothing. */
export async function lookAround(world: World, dir: string): Promise<Look> {
  const files = await filesIn(join(dir, ".state"));
  const unknown = (why: string): Look => ({
    cluster: undefined,
    facts: { cluster: { known: false, why }, machines: [], files },
  });
  try {
    const cluster = await findCluster(world, dir);
    if (cluster === undefined) return unknown("the cluster has not been brought up");
    const machines = await machinesOf(cluster);
    return { cluster, facts: { cluster: { known: true }, machines, files } };
  } catch (error) {
    // A state or a provider that cannot be used is what the report may be about.
    world.signal.throwIfAborted();
    return unknown(messageOf(error));
  }
}

async function machinesOf({ provider, ref, state }: KnownCluster): Promise<readonly SeenMachine[]> {
  const seen = await provider.machines(ref);
  return Object.entries(state.machines)
    .filter(([, { removed }]) => removed !== true)
    .map(([name, machine]) => ({ name, condition: conditionOf(machine, seen.get(name)) }));
}

async function filesIn(stateDir: string): Promise<readonly SeenFile[]> {
  const names = await Promise.all(
    ["", "logs", "history"].map(async (folder) => {
      const entries = await readdir(join(stateDir, folder), { withFileTypes: true }).catch(() => []);
      const files = entries.filter((entry) => entry.isFile());
      return files.map(({ name }) => (folder === "" ? name : `${folder}/${name}`));
    }),
  );
  const seen = names.flat().map(async (name): Promise<SeenFile[]> => {
    const found = await stat(join(stateDir, name)).catch(() => undefined);
    return found === undefined ? [] : [{ name, bytes: found.size, written: found.mtimeMs }];
  });
  return (await Promise.all(seen)).flat();
}
