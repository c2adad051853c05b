import { showDuration } from "../../foundation/duration.ts";
import { matchGlob } from "../../fleet/unit/glob.ts";
import type { UnitTimeline } from "../history/timeline.ts";
import { overlapOf, wasSplit, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { unitRecords, type UnitRecord } from "./units.ts";

/** Conflicts and MachineOf hold at every moment at which both units run. */
export const constraints: Invariant = {
  name: "constraints",
  about: "units that conflict never share a machine, and units that belong together never run apart",
  check: (facts) => {
    const records = unitRecords(facts);
    if (records.size === 0) return undefined;
    return facts.timelines.flatMap((mine) => {
      const record = records.get(mine.unit);
      const others = facts.timelines.filter(({ unit }) => unit !== mine.unit);
      return record === undefined ? [] : others.flatMap((other) => broken(facts, mine, record, other));
    });
  },
};

function broken(facts: Facts, mine: UnitTimeline, record: UnitRecord, other: UnitTimeline): Finding[] {
  const apart = record.conflicts.some((glob) => matchGlob(glob, other.unit));
  const together = record.peers.includes(other.unit);
  if (!apart && !together) return [];
  const findings: Finding[] = [];
  for (const a of mine.active) {
    for (const b of other.active) {
      const both = overlapOf(a, b, facts.end);
      const wrong = (a.node === b.node && apart) || (a.node !== b.node && together);
      if (!wrong || both === undefined || both.to - both.from <= facts.bound) continue;
      const long = showDuration(both.to - both.from);
      findings.push({
        weight: wasSplit(facts, both.from, both.from) ? "note" : "broken",
        text: apart
          ? `${mine.unit} and ${other.unit} conflict and ran on ${a.node} together for ${long}`
          : `${mine.unit} belongs to ${other.unit}, and they ran on ${a.node} and ${b.node} for ${long}`,
        at: both.from,
      });
    }
  }
  return findings;
}
