import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import type { Exec } from "../../../foundation/exec.ts";
import type { Hierarchies } from "../cgroups.ts";
import { cgroupAt, groupsBelow } from "../cgroups.ts";
import type { HostNames } from "../names.ts";
import { lowerNetwork, restoreForwarding } from "../network.ts";

/** The file that says that we switched forwarding on. */
export function forwardingMark(names: HostNames): string {
  return join(names.runtimeDir, "switched-forwarding");
}

/**
 * Removes everything of the cluster from the host but its files: cables first, so that the nodes are silent at once, then
 * processes, cgroups, bridge, firewall. Finds all of it by name, so it also works when no supervisor remembers.
 */
export async function sweepHost(
  options: { readonly exec: Exec; readonly clock: Clock; readonly hierarchies: Hierarchies },
  names: HostNames,
): Promise<void> {
  const { exec, clock, hierarchies } = options;
  await lowerNetwork(exec, names);
  const groups = await groupsBelow(hierarchies, names.cgroup);
  await Promise.all(groups.map((group) => cgroupAt(hierarchies, join(names.cgroup, group)).end(clock)));
  await cgroupAt(hierarchies, names.cgroup).end(clock);
  // A node that was just starting may have plugged its cable in again.
  await lowerNetwork(exec, names);
  if (existsSync(forwardingMark(names))) await restoreForwarding(exec);
  await rm(names.runtimeDir, { recursive: true, force: true });
}
