import { join } from "node:path";
import type { ClusterRef, MachineStatus } from "../provider.ts";
import type { Hierarchies } from "./cgroups.ts";
import { cgroupAt } from "./cgroups.ts";
import { hostNames } from "./names.ts";
import { readPower } from "./power.ts";
import { readNodes } from "./record.ts";

/** Read from what is there, not from what somebody remembers: a node runs if its cgroup holds a process. */
export async function readMachines(
  cluster: ClusterRef,
  hierarchies: Hierarchies,
): Promise<ReadonlyMap<string, MachineStatus>> {
  const found = (await readNodes(cluster)).map(async ({ name, address }) => {
    const state = (await isRunning(cluster, hierarchies, name)) ? ("running" as const) : ("stopped" as const);
    const power = await readPower(hostNames(cluster), name);
    const since = power?.state === state ? { since: power.since } : {};
    return [name, { state, address, ...since }] as const;
  });
  return new Map(await Promise.all(found));
}

export async function isRunning(
  cluster: ClusterRef,
  hierarchies: Hierarchies,
  node: string,
): Promise<boolean> {
  return await cgroupAt(hierarchies, join(hostNames(cluster).cgroup, node)).populated();
}
