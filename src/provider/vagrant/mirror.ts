import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { waitFor } from "../../foundation/clock.ts";
import type { Exec } from "../../foundation/exec.ts";
import { writeAtomically } from "../../foundation/files.ts";
import { signalQuietly } from "../../foundation/signal.ts";
import { gatewayOf } from "../../spec/machines.ts";
import { fillMirror, logFile, makeImages, registryCommand } from "../gateway/mirror/registry.ts";
import type { ClusterPlan, ClusterRef, Report } from "../provider.ts";
import { backgroundProcess } from "./background.ts";
import { missingPrograms } from "./programs.ts";

/**
 * The cluster's own registry on this host's address in the cluster's network, as nspawn's clusters have it. Here it is a
 * process that outlives us; its number is in the state folder. Without it, docker in the machines asks Docker Hub.
 */
export async function ensureMirror(
  { exec, clock }: { readonly exec: Exec; readonly clock: Clock },
  cluster: ClusterPlan,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  if (!cluster.spec.docker.mirror) return;
  const lacks = await missingPrograms(exec, [
    ["docker-registry", "docker-registry"],
    ["busybox", "busybox-static"],
  ]);
  if (lacks.length > 0) {
    report(`no registry mirror: ${lacks.map(({ hint }) => hint).join(", ")}; docker asks Docker Hub`);
    return;
  }
  const gateway = gatewayOf(cluster.spec);
  if ((await runningMirror(cluster)) === undefined) await launch(cluster, gateway);
  const images = await makeImages(exec, cluster.spec.docker.images);
  await fillMirror({ clock, gateway, stateDir: cluster.stateDir }, images, signal);
}

/** Ends it, and removes what it stored. Idempotent. */
export async function removeMirror(cluster: ClusterRef, clock: Clock): Promise<void> {
  const pid = await runningMirror(cluster);
  if (pid !== undefined) {
    signalQuietly(pid, "SIGTERM");
    const gone = async (): Promise<true | undefined> =>
      (await runningMirror(cluster)) === undefined ? true : undefined;
    const ended = await waitFor(gone, { clock, every: 20, within: 3_000 });
    if (ended === undefined) signalQuietly(pid, "SIGKILL");
  }
  await rm(pidFile(cluster), { force: true });
  await rm(join(cluster.stateDir, "cache"), { recursive: true, force: true });
}

async function launch(cluster: ClusterPlan, gateway: string): Promise<void> {
  const [program, ...args] = await registryCommand({ gateway, stateDir: cluster.stateDir });
  const log = openSync(logFile(cluster.stateDir), "w");
  const child = spawn(program, args, { stdio: ["ignore", log, log], detached: true });
  // That it does not run is told by those who then wait for its answer.
  child.on("error", () => undefined);
  child.unref();
  closeSync(log);
  await writeAtomically(pidFile(cluster), `${child.pid ?? 0}\n`);
}

function runningMirror(cluster: ClusterRef): Promise<number | undefined> {
  return backgroundProcess(pidFile(cluster), join(cluster.stateDir, "cache", "registry.yml"));
}

function pidFile(cluster: ClusterRef): string {
  return join(cluster.stateDir, "mirror.pid");
}
