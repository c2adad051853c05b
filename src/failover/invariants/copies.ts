import { showDuration } from "../../foundation/duration.ts";
import type { UnitTimeline } from "../history/timeline.ts";
import { overlapOf, wasSplit, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { unitRecords } from "./units.ts";

/** At most one copy while the network is whole; copies while it was split are told, with how long they ran. */
export const oneCopy: Invariant = {
  name: "one-copy",
  about: "a unit runs on one machine at a time while the machines hear each other",
  check: (facts) => {
    const globals = new Set([...unitRecords(facts)].flatMap(([unit, known]) => (known.global ? [unit] : [])));
    return facts.timelines
      .filter(({ unit }) => !globals.has(unit))
      .flatMap((timeline) => copiesOf(facts, timeline));
  },
};

function copiesOf(facts: Facts, timeline: UnitTimeline): Finding[] {
  const findings: Finding[] = [];
  for (const [index, first] of timeline.active.entries()) {
    for (const second of timeline.active.slice(index + 1)) {
      const both = second.node === first.node ? undefined : overlapOf(first, second, facts.end);
      if (both === undefined || both.to - both.from <= facts.bound) continue;
      const split = wasSplit(facts, both.from, both.from);
      const where = `on ${first.node} and ${second.node} at once for ${showDuration(both.to - both.from)}`;
      findings.push({
        weight: split ? "note" : "broken",
        text: `${timeline.unit} ran ${where}${split ? ", while the machines were split" : ""}`,
        at: both.from,
      });
    }
  }
  return findings;
}
