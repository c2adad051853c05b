import { lastAudits } from "./audits.ts";
import type { Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { unitRecords } from "./units.ts";

/** At the end no container runs on a machine on which its unit does not. */
export const noOrphans: Invariant = {
  name: "no-orphans",
  about: "at the end no container runs without its unit",
  check: (facts) => {
    const audits = lastAudits(facts, "after").filter(({ audit }) => audit.containers !== undefined);
    if (audits.length === 0) return undefined;
    const claims = [...unitRecords(facts)];
    const before = lastAudits(facts, "before");
    return audits.flatMap(({ at, audit }) => {
      const there = before.find((event) => event.audit.node === audit.node)?.audit.containers ?? [];
      return (audit.containers ?? []).flatMap((container): Finding[] => {
        // Units that must not meet on a machine may well call their containers the same.
        const units = claims.flatMap(([unit, { containers }]) =>
          containers.includes(container) ? [unit] : [],
        );
        if (units.length === 0) {
          if (there.includes(container)) return [];
          const text = `container ${container} on ${audit.node} was not there before, and no unit is known to run it`;
          return [{ weight: "note", text, at }];
        }
        if (units.some((unit) => !isObserved(facts, unit) || activeOn(facts, unit, audit.node, at)))
          return [];
        const text = `container ${container} runs on ${audit.node}, where ${units.join(" or ")} does not`;
        return [{ weight: "broken", text, at }];
      });
    });
  },
};

const isObserved = (facts: Facts, unit: string): boolean =>
  facts.timelines.some((timeline) => timeline.unit === unit);

function activeOn(facts: Facts, unit: string, node: string, at: number): boolean {
  const last = facts.events.findLast(
    (event) => event.at <= at && event.kind === "sample" && event.node === node && event.unit === unit,
  );
  return last?.kind === "sample" && last.active !== "inactive" && last.active !== "failed";
}
