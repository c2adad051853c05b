import type { Clock } from "../../foundation/clock.ts";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import { graceAfter } from "../../foundation/grace.ts";
import type { Log } from "../../foundation/log.ts";
import type { Session, Term } from "../registry/registry.ts";

/** Between two tries when etcd does not answer, ms. */
export const retryEvery = 200;
/** How long an engine that ends tries to give the lead back, ms. After that it ends with the machine's lease. */
const resignWithin = 1_500;

export interface LeadOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly log: Log;
  /** Told each term, and undefined when it is over. */
  readonly onTerm: (term: Term | undefined) => void;
}

/**
 * Stands for election again and again until the signal aborts; then gives the lead back, in so far as etcd takes it back
 * in a moment.
 */
export async function standForElection(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { session, clock, log, onTerm } = options;
  const grace = graceAfter(signal, resignWithin, clock);
  while (!signal.aborted) {
    try {
      const term = await session.campaign(signal);
      log.info("leading the cluster");
      onTerm(term);
      await ended(AbortSignal.any([signal, term.over]));
      onTerm(undefined);
      log.info("no longer leading the cluster");
      await term.resign(grace.signal);
    } catch (error) {
      if (signal.aborted) break;
      if (!isAppError(error, "E_ETCD")) throw error;
      log.warn("could not stand for election", { error: messageOf(error) });
      await clock.sleep(retryEvery, signal).catch(() => undefined);
    }
  }
  grace.end();
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
