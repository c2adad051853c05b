import type { Clock } from "../../foundation/clock.ts";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { Decision } from "../model.ts";
import type { Mirror, Term } from "../registry/registry.ts";
import { retryEvery } from "./lead.ts";

export interface CarryOutOptions {
  readonly term: Term;
  readonly mirror: Mirror;
  readonly clock: Clock;
  readonly log: Log;
  /** Where to count what was written, and what failed. */
  readonly counts: { failures: number; readonly decisions: Record<Decision["kind"], number> };
}

/**
 * Writes decisions and waits until they are seen, so that the next plan is not made on a picture without them. Gives the
 * monotonic time (ms) at which to plan again.
 */
export async function carryOut(
  decisions: readonly Decision[],
  { term, mirror, clock, log, counts }: CarryOutOptions,
  stop: AbortSignal,
): Promise<number> {
  const ended = AbortSignal.any([stop, term.over]);
  try {
    const revision = await term.commit(decisions, stop);
    if (revision === "deposed") {
      log.info("another engine leads by now; nothing was written");
      return clock.monotonic() + retryEvery;
    }
    // Nothing of it fits what the registry holds: the mirror is behind, and its next change wakes us sooner.
    if (revision === 0n) return clock.monotonic() + retryEvery;
    for (const decision of decisions) {
      counts.decisions[decision.kind] += 1;
      note(decision, log);
    }
    await mirror.reached(revision, ended);
    return clock.monotonic();
  } catch (error) {
    if (!ended.aborted && !isAppError(error, "E_ETCD")) throw error;
    if (!ended.aborted) counts.failures += 1;
    if (!ended.aborted) log.warn("decisions could not be written", { error: messageOf(error) });
    return clock.monotonic() + retryEvery;
  }
}

function note(decision: Decision, log: Log): void {
  switch (decision.kind) {
    case "place": {
      const { unit, machineID, reason } = decision.placement;
      return log.info("placed a unit", { unit, machine: machineID, reason });
    }
    case "release":
      return log.info("released a unit", {
        unit: decision.unit,
        machine: decision.from,
        reason: decision.reason,
      });
    case "refuse":
      return log.warn("refused a unit", { unit: decision.refusal.unit, reason: decision.refusal.summary });
    case "forgive":
      return log.debug("took a refusal back", { unit: decision.unit });
  }
}
