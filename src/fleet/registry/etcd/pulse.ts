import type { Clock } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import type { Log } from "../../../foundation/log.ts";
import { keepLease } from "./lease.ts";
import type { Members } from "./members.ts";

const beatEvery = 1_000;
const retryAfter = 200;
const beatWithin = 1_500;

/** Keeps a lease by a beat each second, or less often where etcd is slow. */
export interface Pulse {
  /** Aborts when etcd says that the lease is gone, or at `end`: never on a guess. */
  readonly lost: AbortSignal;
  /** Monotonic time, ms: see Session.unbrokenSince. */
  readonly unbrokenSince: number;
  /** Beats at once. */
  doubt(): void;
  /** No more beats; the lease is counted as lost. */
  end(): void;
  /** No more beats; whether the lease lives on is open. */
  stop(): void;
}

export interface PulseOptions {
  readonly members: Members;
  readonly clock: Clock;
  readonly log: Log;
  readonly closed: AbortSignal;
  readonly lease: bigint;
  /** ms */
  readonly ttl: number;
}

/** Starts to beat. The lease must have been granted or kept just now. */
export function startPulse({ members, clock, log, closed, lease, ttl }: PulseOptions): Pulse {
  const lost = new AbortController();
  const stopping = new AbortController();
  const stop = AbortSignal.any([stopping.signal, closed]);
  // A gap is counted from the sending of a beat that was answered: etcd counts from when it came.
  let kept = clock.monotonic();
  let since = kept;
  const rest = createRest(clock, stop);
  const lose = (): void => {
    lost.abort(new AppError("E_ETCD", `the lease ${lease.toString(16)} has ended`));
    stopping.abort(lost.signal.reason);
  };

  const beat = async (): Promise<boolean> => {
    const sent = clock.monotonic();
    const alive = await keepLease(members, lease, {
      signal: stop,
      within: beatWithin * members.patience,
      urgent: true,
    });
    if (!alive) return false;
    if (clock.monotonic() - kept > ttl) since = clock.monotonic();
    kept = sent;
    return true;
  };
  const run = async (): Promise<void> => {
    let troubled = false;
    for (;;) {
      await rest.sleep((troubled ? retryAfter : beatEvery) * members.patience);
      try {
        if (!(await beat())) return lose();
        if (troubled) log.info("the lease is kept again");
        troubled = false;
      } catch (error) {
        stop.throwIfAborted();
        if (!troubled) log.warn("the lease could not be kept", { error: messageOf(error) });
        troubled = true;
      }
    }
  };
  run().catch(() => undefined);

  return {
    lost: lost.signal,
    get unbrokenSince() {
      return clock.monotonic() - kept > ttl ? clock.monotonic() : since;
    },
    doubt: () => rest.cutShort(),
    end: lose,
    stop: () => stopping.abort(new AppError("E_INTERRUPTED", "the session was ended")),
  };
}

/** The rest between two beats. */
interface Rest {
  /** Rejects when the signal aborts. @param ms */
  sleep(ms: number): Promise<void>;
  /** Ends this one, or else the next. */
  cutShort(): void;
}

function createRest(clock: Clock, stop: AbortSignal): Rest {
  let cut = new AbortController();
  return {
    sleep: async (ms) => {
      await clock.sleep(ms, AbortSignal.any([stop, cut.signal])).catch(() => undefined);
      stop.throwIfAborted();
      cut = new AbortController();
    },
    cutShort: () => cut.abort(new Error("cut short")),
  };
}
