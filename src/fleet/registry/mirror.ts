import { AppError } from "../../foundation/errors.ts";
import type { Snapshot } from "../model.ts";
import type { Mirror } from "./registry.ts";
import type { Change } from "./replica.ts";
import { createReplica } from "./replica.ts";

/** A Mirror and the handles by which its feeder (the etcd watch, the twin) keeps it up to date. */
export interface FedMirror extends Mirror {
  apply(changes: readonly Change[], revision: bigint): void;
  reset(changes: readonly Change[], revision: bigint): void;
  setFresh(fresh: boolean): void;
  /** For those who wait, set before the change that it belongs to. */
  origin: string | undefined;
  /** Everybody who waits is told `reason`, now and later. */
  fail(reason: Error): void;
}

export interface MirrorOptions {
  /**
   * When to wake those who wait: later in the same turn (queueMicrotask) or after what else has arrived was applied
   * too (setImmediate), so that a burst wakes them once.
   */
  readonly later: (wake: () => void) => void;
  readonly onClose: () => void;
}

/** An empty mirror, not fresh yet. */
export function createMirror(options: MirrorOptions): FedMirror {
  const replica = createReplica();
  const listeners = new Set<Parameters<Mirror["onStep"]>[0]>();
  const waiting = createWaiting(options.later);
  let fresh = false;
  let breaks = 0;

  const fail = (reason: Error): void => {
    fresh = false;
    waiting.fail(reason);
  };

  return {
    get snapshot(): Snapshot {
      return replica.snapshot;
    },
    get fresh() {
      return fresh;
    },
    origin: undefined,
    get breaks() {
      return breaks;
    },
    changed: (signal) => waiting.changed(signal),
    reached: (revision, signal) => waiting.until(() => replica.revision >= revision, signal),
    onStep: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      fail(new AppError("E_INTERRUPTED", "the mirror of the registry was closed"));
      options.onClose();
    },
    apply: (changes, revision) => {
      replica.apply(changes, revision);
      for (const listener of listeners) listener(changes, revision);
      waiting.wakeLater();
    },
    reset: (changes, revision) => {
      replica.reset(changes, revision);
      for (const listener of listeners) listener(undefined, revision);
      waiting.wakeLater();
    },
    setFresh: (now) => {
      if (fresh === now || waiting.failed) return;
      fresh = now;
      if (!fresh) breaks += 1;
      waiting.wakeLater();
    },
    fail,
  };
}

/** Those who wait for a change. */
interface Waiting {
  /** See Mirror.changed. */
  changed(signal: AbortSignal): Promise<void>;
  /** Waits for as many changes as it takes. */
  until(met: () => boolean, signal: AbortSignal): Promise<void>;
  /** Something has changed: wakes all, once for a burst. */
  wakeLater(): void;
  /** Tells all of it at once, now and later; the first reason stays. */
  fail(reason: Error): void;
  readonly failed: boolean;
}

function createWaiting(later: MirrorOptions["later"]): Waiting {
  const waiters = new Set<(failure?: Error) => void>();
  let failure: Error | undefined;
  let waking = false;
  const wake = (): void => {
    waking = false;
    for (const waiter of waiters) waiter(failure);
  };
  const changed = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      if (signal.aborted) return reject(signal.reason as Error);
      const settle = (why?: Error): void => {
        waiters.delete(settle);
        signal.removeEventListener("abort", abort);
        if (why === undefined) resolve();
        else reject(why);
      };
      const abort = (): void => settle(signal.reason as Error);
      signal.addEventListener("abort", abort);
      waiters.add(settle);
      return undefined;
    });

  return {
    changed,
    until: async (met, signal) => {
      while (!met()) await changed(signal);
    },
    wakeLater: () => {
      if (waking) return;
      waking = true;
      later(wake);
    },
    fail: (reason) => {
      failure ??= reason;
      wake();
    },
    get failed() {
      return failure !== undefined;
    },
  };
}
