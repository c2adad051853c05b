import { lastAudits } from "./audits.ts";
import { askedFor, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";

/** What was submitted before the first fault is there after the last, and shall still be what it was. */
export const nothingLost: Invariant = {
  name: "nothing-lost",
  about: "every unit that was in etcd before the first fault is there after the last, wanted as before",
  check: (facts) => {
    const wanted = wantedBefore(facts);
    const audits = lastAudits(facts, "after").filter(({ audit }) => audit.units !== undefined);
    if (wanted.size === 0 || (audits.length === 0 && !hasRecords(facts))) return undefined;
    const audited = audits.flatMap(({ at, audit }) => {
      const now = new Map((audit.units ?? []).map(({ unit, desired }) => [unit, desired]));
      return [...wanted].flatMap(([unit, desired]) => missing(facts, unit, desired, now.get(unit), at));
    });
    const recorded = facts.events.flatMap((event) => {
      if (event.kind !== "registry" || event.at < facts.duringAt || event.record.type !== "unit") return [];
      const { unit, desired } = event.record;
      const before = wanted.get(unit);
      return before === undefined ? [] : missing(facts, unit, before, desired, event.at);
    });
    return [...new Map([...recorded, ...audited].map((finding) => [finding.text, finding])).values()];
  },
};

function missing(facts: Facts, unit: string, was: string, is: string | undefined, at: number): Finding[] {
  if (is === was || askedFor(facts, unit, facts.duringAt, at)) return [];
  const text = is === undefined ? `${unit} is gone from etcd` : `${unit} was ${was} in etcd and is ${is}`;
  return [{ weight: "broken", text, at }];
}

const hasRecords = (facts: Facts): boolean =>
  facts.events.some((event) => event.kind === "registry" && event.record.type === "unit");

/** Every unit that was known before the first step, by any machine's fleet or by etcd, and what it should be. */
function wantedBefore(facts: Facts): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const event of facts.events) {
    if (event.at > facts.duringAt) break;
    if (event.kind === "registry" && event.record.type === "unit") {
      const { unit, desired } = event.record;
      if (desired === undefined) wanted.delete(unit);
      else wanted.set(unit, desired);
    }
  }
  if (wanted.size > 0) return wanted;
  const audits = lastAudits(facts, "before");
  return new Map(
    audits.flatMap(({ audit }) => (audit.units ?? []).map(({ unit, desired }) => [unit, desired])),
  );
}
