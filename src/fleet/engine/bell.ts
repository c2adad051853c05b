import type { Clock } from "../../foundation/clock.ts";

/** Wakes one loop for many reasons. A ring while nobody waits is not lost; several count as one. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or at the monotonic time `until` (ms) if that comes first. */
  heard(until?: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let rung = false;
  let waiting: (() => void) | undefined;
  const ring = (): void => {
    rung = true;
    waiting?.();
  };
  const heard = async (until?: number): Promise<void> => {
    const alarm = new AbortController();
    const ringing = new Promise<void>((resolve) => {
      waiting = resolve;
      if (rung) resolve();
    });
    if (until === undefined) await ringing;
    else {
      const left = Math.max(0, until - clock.monotonic());
      await Promise.race([ringing, clock.sleep(left, alarm.signal).catch(() => undefined)]);
      alarm.abort(new Error("the bell was heard"));
    }
    rung = false;
    waiting = undefined;
  };
  return { ring, heard };
}
