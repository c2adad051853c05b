import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { waitFor } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { lastLines } from "../../foundation/exec.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { signalQuietly } from "../../foundation/signal.ts";
import { loopbackProxies } from "../../provision/proxy.ts";
import { gatewayOf } from "../../spec/machines.ts";
import type { ClusterPlan, ClusterRef } from "../provider.ts";
import { backgroundProcess } from "./background.ts";
import { configFile, pidFile, type AttendantConfig } from "./attend.ts";

/**
 * A process of ours that outlives us and serves a cluster's virtual machines: a way to a proxy on this host's loopback,
 * and the cluster's own discovery service. It ends when it is no longer wanted; there is none where nothing is.
 */
export interface Attendant {
  /** Has it do what the cluster needs now; starts, replaces or ends it. Idempotent. */
  apply(cluster: ClusterPlan, signal: AbortSignal): Promise<void>;
  /** Ends it. Idempotent. */
  dismiss(cluster: ClusterRef): Promise<void>;
}

export interface AttendantOptions {
  readonly clock: Clock;
  /** How to start it; the state folder is added as last argument. It must call `attend`. */
  readonly command: readonly string[];
}

/** How long it may take to open its doors, and to close them, ms. */
const [startWithin, endWithin] = [15_000, 5_000];

export function createAttendant({ clock, command }: AttendantOptions): Attendant {
  const gone = async (stateDir: string): Promise<void> => {
    const ended = await waitFor(
      async () => ((await runningAttendant(stateDir)) === undefined ? true : undefined),
      { clock, every: 20, within: endWithin },
    );
    const pid = ended === true ? undefined : await runningAttendant(stateDir);
    if (pid !== undefined) signalQuietly(pid, "SIGKILL");
    await rm(pidFile(stateDir), { force: true });
  };
  const dismiss = async ({ stateDir }: Pick<ClusterRef, "stateDir">): Promise<void> => {
    await rm(configFile(stateDir), { force: true });
    await gone(stateDir);
  };
  return {
    apply: async (cluster, signal) => {
      const { stateDir } = cluster;
      const wanted = attendantConfig(cluster);
      if (wanted === undefined) return await dismiss(cluster);
      const text = `${JSON.stringify(wanted)}\n`;
      const known = await readIfExists(configFile(stateDir));
      if (known === text && (await runningAttendant(stateDir)) !== undefined) return;
      // Without the cluster's network there is nothing to serve yet: bringing that up comes first, and then here again.
      if (!hasAddress(wanted.address)) return;
      await writeAtomically(configFile(stateDir), text);
      await gone(stateDir);
      await launch(stateDir, { clock, command, signal });
    },
    dismiss,
  };
}

/** Pure: undefined when the cluster needs no attendant. */
function attendantConfig({ spec }: Pick<ClusterPlan, "spec">): AttendantConfig | undefined {
  const relays = loopbackProxies(spec.proxy);
  const discovery = spec.etcd.discovery === "local";
  if (relays.length === 0 && !discovery) return undefined;
  return { version: 1, address: gatewayOf(spec), relays, discovery };
}

function hasAddress(wanted: string): boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ address }) => address === wanted);
}

async function launch(
  stateDir: string,
  { clock, command, signal }: AttendantOptions & { readonly signal: AbortSignal },
): Promise<void> {
  await mkdir(join(stateDir, "logs"), { recursive: true });
  const logFile = join(stateDir, "logs", "attendant.log");
  const log = openSync(logFile, "w", 0o600);
  const [program = "", ...args] = command;
  const child = spawn(program, [...args, stateDir], {
    detached: true,
    cwd: "/",
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let failed: string | undefined;
  child.once("exit", (code) => (failed = `it ended at once (exit ${code ?? "by signal"})`));
  child.once("error", (error) => (failed = error.message));
  child.unref();
  const look = async (): Promise<"open" | "failed" | undefined> => {
    if ((await runningAttendant(stateDir)) !== undefined) return "open";
    return failed === undefined ? undefined : "failed";
  };
  const outcome = await waitFor(look, { clock, every: 20, within: startWithin, signal });
  if (outcome === "open") return;
  throw new AppError("E_COMMAND_FAILED", "what serves the machines on this host could not be started", {
    details: [failed ?? "it opened nothing in time", ...lastLines((await readIfExists(logFile)) ?? "", 4)],
    hint: `see ${logFile}`,
  });
}

function runningAttendant(stateDir: string): Promise<number | undefined> {
  return backgroundProcess(pidFile(stateDir), stateDir);
}
