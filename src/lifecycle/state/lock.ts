import { link, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { waitFor, type Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { makeFolder, ownedBy, type Owner } from "./owner.ts";

/** Who holds a lock. `started` tells a process from a later one with the same pid. */
interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly command: string;
}

/** What the lock must know of processes. */
export interface Processes {
  readonly pid: number;
  /** Something that differs between two processes with the same pid; undefined when there is no such process. */
  started(pid: number): Promise<string | undefined>;
}

export interface LockOptions {
  readonly stateDir: string;
  /** What is locked, for messages: `the cluster` when missing. */
  readonly what?: string;
  readonly owner: Owner | undefined;
  /** Shown to whoever waits, e.g. `cluster up`. */
  readonly command: string;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly signal: AbortSignal;
  /** ms */
  readonly within?: number;
  /** Called once when the lock is not free at once. */
  readonly onWait?: (message: string) => void;
}

/**
 * Takes the lock of a folder, such as a cluster's; the result gives it back. A lock whose holder is dead is taken over.
 * @throws E_LOCKED when another run still holds it after `within` ms (10 s)
 */
export async function takeLock(options: LockOptions): Promise<() => Promise<void>> {
  const path = join(options.stateDir, "lock");
  await makeFolder(options.stateDir, 0o700, options.owner);
  const started = (await options.processes.started(options.processes.pid)) ?? "?";
  const text = JSON.stringify({ pid: options.processes.pid, started, command: options.command });
  let holder: Holder | undefined;
  let waited = false;
  const attempt = async (): Promise<true | undefined> => {
    if (await tryToTake(path, text, options)) return true;
    holder = await liveHolder(path, options.processes);
    // Not taken at once: of several that find it stale, each first moves aside what it finds.
    if (holder === undefined) await clearStale(path, options.processes);
    else if (!waited) options.onWait?.(`waiting for ${show(holder)}`);
    waited = true;
    return undefined;
  };
  const within = options.within ?? 10_000;
  const taken = await waitFor(attempt, { clock: options.clock, every: 100, within, signal: options.signal });
  if (taken === undefined) {
    throw new AppError(
      "E_LOCKED",
      `${options.what ?? "the cluster"} is locked by ${holder ? show(holder) : "another run"}`,
      {
        hint: "wait for that run to end, or stop it",
        details: [`lock file: ${path}`],
      },
    );
  }
  return async () => {
    if ((await readIfExists(path)) === text) await rm(path, { force: true });
  };
}

function show(holder: Holder): string {
  return `'${holder.command}' (pid ${holder.pid})`;
}

/** A hard link to a complete file appears in one step and never replaces another. */
async function tryToTake(path: string, text: string, options: LockOptions): Promise<boolean> {
  const mine = `${path}.${options.processes.pid}`;
  await writeAtomically(mine, text, { mode: 0o600, ...ownedBy(options.owner) });
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(mine, { force: true });
  }
}

async function liveHolder(path: string, processes: Processes): Promise<Holder | undefined> {
  const text = await readIfExists(path);
  const holder = text === undefined ? undefined : parseHolder(text);
  if (holder === undefined) return undefined;
  const started = await processes.started(holder.pid);
  return started === undefined || started !== holder.started ? undefined : holder;
}

/** Moves the lock aside first, because between our look and now another run may have taken it over: then it goes back. */
async function clearStale(path: string, processes: Processes): Promise<void> {
  const aside = `${path}.stale.${processes.pid}`;
  try {
    await rename(path, aside);
    if ((await liveHolder(aside, processes)) !== undefined) await link(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started, command } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid !== "number" || typeof started !== "string" || typeof command !== "string")
      return undefined;
    return { pid, started, command };
  } catch {
    return undefined;
  }
}
