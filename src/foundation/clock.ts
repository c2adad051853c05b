/** Time as a port, so that tests decide how it passes. All durations are milliseconds. */
export interface Clock {
  /** Wall-clock time, ms since 1970; for showing and recording. */
  now(): number;
  /** Time that never jumps, ms; for measuring. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    // Not Node's own promise, which makes an error with its stack for each sleep that is cut short: most are.
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          clearTimeout(timer);
          reject(signal?.reason as Error);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        }, ms);
        signal?.addEventListener("abort", onAbort, { once: true });
        return undefined;
      }),
  };
}

/** A clock that stands still until a test moves it with `advance`. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass, waking sleepers in the order of their time. */
  advance(ms: number): Promise<void>;
  /** How many sleeps are pending. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

export function manualClock(start = 0): ManualClock {
  let current = start;
  let sleepers: Sleeper[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => current,
    monotonic: () => current,
    get sleepers() {
      return sleepers.length;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason as Error);
        };
        // A signal that outlives many sleeps must not remember them all.
        const wake = (): void => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        };
        const sleeper: Sleeper = { due: current + ms, wake };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
        return undefined;
      }),
    advance: async (ms) => {
      const end = current + ms;
      await settle();
      for (;;) {
        const next = sleepers.toSorted((a, b) => a.due - b.due)[0];
        if (next === undefined || next.due > end) break;
        sleepers = sleepers.filter((other) => other !== next);
        current = Math.max(current, next.due);
        next.wake();
        await settle();
      }
      current = end;
      await settle();
    },
  };
}

export interface WaitOptions {
  readonly clock: Clock;
  /** Between two looks, ms. */
  readonly every: number;
  /** Give up after, ms. */
  readonly within: number;
  readonly signal?: AbortSignal;
}

/** Looks until `look` gives something other than undefined; undefined when the time is over. */
export async function waitFor<T>(
  look: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T | undefined> {
  const deadline = options.clock.monotonic() + options.within;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    const left = deadline - options.clock.monotonic();
    if (left <= 0) return undefined;
    await options.clock.sleep(Math.min(options.every, left), options.signal);
  }
}
