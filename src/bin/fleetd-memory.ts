import type { Clock } from "../foundation/clock.ts";

/** What a process knows of its memory and its work, and how it gives some back. */
export interface ProcessMemory {
  /** Resident now, bytes. */
  resident(): number;
  /** Processor time since its start, ms. */
  worked(): number;
  /** Collects all garbage and gives free pages back to the system. The process stands still meanwhile, some 50 ms. */
  release(): void;
}

/** Between two looks, ms. */
const lookEvery = 5_000;
/** The share of a processor below which fleetd is at rest. */
const atRest = 0.05;
/** Growth that is worth a collection, bytes. */
const worthwhile = 8 * 1_024 * 1_024;

/**
 * Gives memory back when a burst of work is over. V8 keeps what it had at the peak, and collects only while something
 * is allocated: a node that had to start 300 units at once would hold a third more for ever. Goes on until the signal
 * aborts.
 */
export async function releaseAtRest(memory: ProcessMemory, clock: Clock, signal: AbortSignal): Promise<void> {
  let floor = memory.resident();
  let worked = memory.worked();
  while (!signal.aborted) {
    await clock.sleep(lookEvery, signal).catch(() => undefined);
    const now = memory.worked();
    const resting = (now - worked) / lookEvery < atRest;
    worked = now;
    if (signal.aborted || !resting || memory.resident() - floor < worthwhile) continue;
    memory.release();
    floor = memory.resident();
    worked = memory.worked();
  }
}

/** This process. Where V8 does not let us collect (`--expose-gc`), nothing is ever released. */
export function ownMemory(): ProcessMemory {
  const { gc } = globalThis;
  return {
    resident: () => (gc === undefined ? 0 : process.memoryUsage.rss()),
    worked: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    release: () => gc?.({ type: "major", execution: "sync", flavor: "last-resort" }),
  };
}
