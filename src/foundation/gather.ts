import type { Clock } from "./clock.ts";

/** For how long a burst may gather after a piece of work: so many times longer than it took, but no longer than so many ms. */
export interface Gathering {
  readonly times: number;
  readonly atMost: number;
}

/**
 * Waits after a piece of work that costs the same for one thing as for many, so that the next one does more at once. The
 * first of a burst never waits, and quick work hardly.
 * @param since monotonic time (ms) at which the work began
 * @throws the signal's reason
 */
export async function letGather(
  { times, atMost }: Gathering,
  { clock, since, signal }: { readonly clock: Clock; readonly since: number; readonly signal?: AbortSignal },
): Promise<void> {
  const pause = Math.min(atMost, times * (clock.monotonic() - since));
  if (pause > 0) await clock.sleep(pause, signal);
}
