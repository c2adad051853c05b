import type { ActiveSpan, UnitTimeline } from "../history/timeline.ts";
import { disturbsServices } from "./effects.ts";
import { askedFor, faultsAround, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";

/** A unit starts again only when a fault hit the machine that it ran on, or a step asked for it. */
export const noNeedlessRestarts: Invariant = {
  name: "no-needless-restarts",
  about: "a unit starts again only when a fault hit its machine, or a step asked for it",
  check: (facts) =>
    facts.timelines.flatMap((timeline) =>
      timeline.active
        .filter((span) => span.from > facts.duringAt)
        .flatMap((span) => needless(facts, timeline, span)),
    ),
};

function needless(facts: Facts, timeline: UnitTimeline, span: ActiveSpan): Finding[] {
  const before = timeline.active.findLast((other) => other.from < span.from);
  if (before === undefined || before.to === undefined || before.to > span.from) return [];
  if (askedFor(facts, timeline.unit, facts.duringAt, span.from)) return [];
  const reasons = faultsAround(facts, before.to, before.to).filter(disturbsServices);
  if (reasons.some(({ node }) => node === before.node || node === span.node)) return [];
  const moved =
    before.node === span.node ? `again on ${span.node}` : `on ${span.node} instead of ${before.node}`;
  const text = `${timeline.unit} was started ${moved} although no fault had touched it`;
  return [{ weight: "broken", text, at: span.from }];
}
