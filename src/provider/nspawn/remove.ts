import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { messageOf } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";
import type { Log } from "../../foundation/log.ts";
import { discoveryFile } from "../gateway/discovery.ts";
import type { ClusterRef } from "../provider.ts";
import type { Hierarchies } from "./cgroups.ts";
import { pruneLayers } from "./layer.ts";
import { hostNames } from "./names.ts";
import { nodePaths, nodesDir } from "./record.ts";
import { unrefer } from "./references.ts";
import { configFile } from "./supervisor/config.ts";
import { endSupervisor, findSupervisor } from "./supervisor/process.ts";
import { call } from "./supervisor/rpc.ts";
import { sweepHost } from "./supervisor/sweep.ts";

export interface RemoveOptions {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
  readonly hierarchies: Hierarchies;
  readonly cacheDir: string;
}

/** How long a supervisor may take to kill its nodes and to end, ms. */
const [shutDownPatience, endPatience] = [30_000, 2_000];

/** Removes a node that is off: its disk, its logs, its forwarded port. Idempotent, also half-way. */
export async function removeNode(
  exec: Exec,
  cluster: ClusterRef,
  node: string,
  signal: AbortSignal,
): Promise<void> {
  const paths = nodePaths(cluster, node);
  if (!existsSync(paths.dir)) return;
  // First the record: a folder without one is no machine, so a removal that is cut short can be done again.
  await rm(paths.record, { force: true });
  await mustRun(exec, { argv: ["rm", "-rf", "--one-file-system", paths.dir] });
  for (const file of [paths.console, `${paths.console}.1`]) await rm(file, { force: true });
  await call(hostNames(cluster).socket, { method: "forget" }, signal);
}

/** Removes the cluster from the host and all its nodes from the disk, with the supervisor's help or without. */
export async function removeCluster(
  options: RemoveOptions,
  cluster: ClusterRef,
  signal: AbortSignal,
): Promise<void> {
  const { exec, clock, log, cacheDir } = options;
  const names = hostNames(cluster);
  const supervisor = await findSupervisor(names);
  const patience = AbortSignal.timeout(shutDownPatience);
  try {
    await call(names.socket, { method: "shutdown" }, AbortSignal.any([signal, patience]));
  } catch (error) {
    signal.throwIfAborted();
    log.warn("supervisor did not shut down by itself", { error: messageOf(error) });
  }
  if (supervisor !== undefined) await endSupervisor(supervisor, clock, endPatience);
  await sweepHost(options, names);
  for (const dir of [nodesDir(cluster), join(cluster.stateDir, "cache")]) {
    await mustRun(exec, { argv: ["rm", "-rf", "--one-file-system", dir] });
  }
  const { stateDir } = cluster;
  for (const file of [configFile(stateDir), join(stateDir, "forwards.json"), discoveryFile(stateDir)]) {
    await rm(file, { force: true });
  }
  await unrefer(cacheDir, cluster.stateDir);
  await pruneLayers(exec, clock, cacheDir);
}
