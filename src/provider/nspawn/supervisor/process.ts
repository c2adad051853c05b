import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { waitFor } from "../../../foundation/clock.ts";
import { readIfExists, writeAtomically } from "../../../foundation/files.ts";
import { signalQuietly } from "../../../foundation/signal.ts";
import type { HostNames } from "../names.ts";

/** The supervisor's process as others see it: they must be able to end one that no longer answers. */
export interface Identity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: a later process of that number has another. */
  readonly started: string;
}

/** Leaves our identity for others, in a folder that only root may read. */
export async function noteProcess(names: HostNames): Promise<void> {
  await mkdir(names.runtimeDir, { recursive: true, mode: 0o700 });
  const identity: Identity = { pid: process.pid, started: (await startTime(process.pid)) ?? "" };
  await writeAtomically(identityFile(names), `${JSON.stringify(identity)}\n`);
}

/**
 * The cluster's supervisor as a process, if there is one, answering or not. Take it before asking it to end: it removes its
 * own traces on the way.
 */
export async function findSupervisor(names: HostNames): Promise<Identity | undefined> {
  const text = await readIfExists(identityFile(names));
  if (text === undefined) return undefined;
  const identity = JSON.parse(text) as Identity;
  return (await lives(identity)) ? identity : undefined;
}

/** Gives the supervisor `patience` ms to end by itself, then kills it. Idempotent. */
export async function endSupervisor(identity: Identity, clock: Clock, patience: number): Promise<void> {
  const ended = async (): Promise<true | undefined> => ((await lives(identity)) ? undefined : true);
  if ((await waitFor(ended, { clock, every: 10, within: patience })) === true) return;
  signalQuietly(identity.pid, "SIGKILL");
  await waitFor(ended, { clock, every: 10, within: 2_000 });
}

async function lives({ pid, started }: Identity): Promise<boolean> {
  return (await startTime(pid)) === started;
}

/** Undefined when there is no such process, or only its remains. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readIfExists(`/proc/${pid}/stat`).catch(() => undefined);
  // The second field is the name in parentheses, which may hold blanks.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined || fields[0] === "Z" ? undefined : fields[19];
}

function identityFile(names: HostNames): string {
  return join(names.runtimeDir, "supervisor.pid");
}
