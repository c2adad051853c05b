import type { Clock } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import { isAnswer } from "./answers.ts";

/** Who is asked, in the order of preference, and until when. */
export interface Hedge<M> {
  /** For the error message. */
  readonly what: string;
  readonly order: readonly M[];
  readonly clock: Clock;
  /** ms; for the error message. */
  readonly within: number;
  /** Monotonic time, ms. */
  readonly deadline: number;
  /** How many times longer than usual a member may take to answer. */
  readonly patience: number;
  /** How long answers have taken lately, ms. */
  readonly lately: number;
  readonly stop: AbortSignal;
}

export type Outcome<M, T> =
  | { readonly member: M; readonly value: T }
  /** What etcd says of the request itself. */
  | { readonly member: M; readonly error: Error };

/**
 * A head start for the one that was asked last, ms. Where all are slow, because the machine is busy, asking the next one
 * as well would only make it busier: so it is also this many times what answers have taken lately.
 */
const headStart = { atLeast: 300, timesLately: 4, atMost: 1_000 };
/** While etcd elects a leader requests get lost in it, so everybody is asked again, sooner … */
const whileElecting = { after: 150, until: 2_000 };
/** … and then later, so that an overloaded etcd is not drowned. */
const later = 500;
const pauseAfterFailures = 100;

/**
 * Asks one after the other, giving each a head start (none when it fails), round and round until one answers: the
 * first answer wins. Throws E_ETCD when none came in time, or the reason of `stop`.
 */
export async function hedge<M extends { readonly url: string }, T>(
  { what, order, clock, within, deadline, patience, lately, stop }: Hedge<M>,
  ask: (member: M, options: { readonly signal: AbortSignal; readonly timeoutMs: number }) => Promise<T>,
): Promise<Outcome<M, T>> {
  const started = clock.monotonic();
  const { atLeast, timesLately, atMost } = headStart;
  const start = patience * Math.min(atMost, Math.max(atLeast, (timesLately * lately) / patience));
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stop]);
  const failures = new Map<M, string>();
  const pending = new Set<Promise<Outcome<M, T> | "failed">>();
  const left = (): number => Math.max(0, deadline - clock.monotonic());
  const attempt = async (member: M): Promise<Outcome<M, T> | "failed"> => {
    try {
      return { member, value: await ask(member, { signal, timeoutMs: Math.max(1, Math.ceil(left())) }) };
    } catch (error) {
      if (isAnswer(error)) return { member, error };
      failures.set(member, messageOf(error));
      return "failed";
    }
  };
  try {
    for (let turn = 0, failed = 0; left() > 0; turn++) {
      const member = order[turn % order.length];
      if (member === undefined) break;
      const running = attempt(member).finally(() => pending.delete(running));
      pending.add(running);
      const elapsed = (clock.monotonic() - started) / patience;
      const first = turn < Math.max(1, order.length - 1);
      const pause = Math.min(left(), first ? start : pauseAt(elapsed) * patience);
      const outcome = await Promise.race([...pending, clock.sleep(pause, signal).catch(() => undefined)]);
      stop.throwIfAborted();
      if (typeof outcome === "object") return outcome;
      if (outcome === "failed") failed += 1;
      if (failed === order.length) {
        failed = 0;
        await clock.sleep(Math.min(left(), pauseAfterFailures), stop);
      }
    }
  } finally {
    over.abort(new Error("another member has answered"));
  }
  throw new AppError("E_ETCD", `etcd did not answer within ${within} ms (${what})`, {
    details: order.map((member) => `${member.url}: ${failures.get(member) ?? "no answer"}`),
    hint: "see whether more than half of the etcd members run: etcdctl cluster-health",
  });
}

function pauseAt(elapsed: number): number {
  return elapsed < whileElecting.until ? whileElecting.after : later;
}
