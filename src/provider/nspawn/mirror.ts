import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Clock } from "../../foundation/clock.ts";
import { waitFor } from "../../foundation/clock.ts";
import { logFile, registryCommand, type MirrorPlan } from "../gateway/mirror/registry.ts";
import type { Cgroup } from "./cgroups.ts";

/** The mirror in a group of its own, so that it is found again after its supervisor was killed. */
export interface GroupedMirror extends MirrorPlan {
  readonly cgroup: Cgroup;
}

/** Starts it; one that an earlier supervisor left is replaced. Returns when it runs, not when it answers. */
export async function startMirror(plan: GroupedMirror, clock: Clock): Promise<void> {
  await stopMirror(plan.cgroup, clock);
  await plan.cgroup.create();
  const command = await registryCommand(plan);
  const log = openSync(logFile(plan.stateDir), "w");
  const script = 'joins=$1; shift; for procs in $joins; do echo $$ > "$procs"; done; exec "$@"';
  const child = spawn("sh", ["-c", script, "mirror", plan.cgroup.joins.join(" "), ...command], {
    stdio: ["ignore", log, log],
    detached: true,
  });
  // That it does not run is seen at the next look.
  child.on("error", () => undefined);
  child.unref();
  closeSync(log);
  // Else the next look would find nobody, and start a second one.
  await waitFor(async () => ((await plan.cgroup.populated()) ? true : undefined), {
    clock,
    every: 10,
    within: 2_000,
  });
}

export async function stopMirror(cgroup: Cgroup, clock: Clock): Promise<void> {
  await cgroup.end(clock);
}
