import type { Clock } from "./clock.ts";
import { AppError } from "./errors.ts";

/** A little time that is left after a signal has aborted. */
export interface Grace {
  /** Aborts when that time is over. */
  readonly signal: AbortSignal;
  /** Lets go of the signal and the clock. */
  end(): void;
}

/**
 * For work that is better brought to its end than cut off, but must not go on for long: its signal aborts `ms` after
 * `signal` has. Costs no timer until then.
 */
export function graceAfter(signal: AbortSignal, ms: number, clock: Clock): Grace {
  const over = new AbortController();
  const ended = new AbortController();
  const begin = (): void => {
    clock.sleep(ms, ended.signal).then(
      () => over.abort(new AppError("E_TIMEOUT", `not done within ${ms} ms`)),
      () => undefined,
    );
  };
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true, signal: ended.signal });
  return { signal: over.signal, end: () => ended.abort(new Error("done")) };
}
