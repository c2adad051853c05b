import { phaseAt, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { unitRecords } from "./units.ts";

/** After the last heal every machine is back, and each unit runs on the one machine that fleet placed it on. */
export const converged: Invariant = {
  name: "converged",
  about: "after the last heal every machine is back and each unit runs where fleet placed it",
  check: (facts) => {
    const known = facts.events.some((event) => event.kind === "registry");
    if (!known || phaseAt(facts.events, "after") === undefined) return undefined;
    return [...machinesBack(facts), ...unitsPlaced(facts)];
  },
};

function machinesBack(facts: Facts): Finding[] {
  const present = new Map<string, boolean>();
  for (const event of facts.events) {
    if (event.kind === "registry" && event.record.type === "machine") {
      present.set(event.record.machine, event.record.present);
    }
  }
  return facts.nodes.flatMap((node) =>
    present.get(node) === true
      ? []
      : [{ weight: "broken" as const, text: `${node} is not among fleet's machines`, at: facts.end }],
  );
}

function unitsPlaced(facts: Facts): Finding[] {
  const places = new Map<string, string | undefined>();
  for (const event of facts.events) {
    if (event.kind === "registry" && event.record.type === "placement") {
      places.set(event.record.unit, event.record.machine);
    }
  }
  const records = unitRecords(facts);
  return facts.timelines.flatMap(({ unit, active }): Finding[] => {
    const record = records.get(unit);
    if (record?.desired !== "launched" || record.global) return [];
    if (!active.some((span) => span.from <= facts.duringAt)) return [];
    const on = active.filter((span) => span.to === undefined).map(({ node }) => node);
    const place = places.get(unit);
    if (on.length === 1 && on[0] === place) return [];
    const where = on.length === 0 ? "nowhere" : `on ${on.join(" and ")}`;
    const text = `at the end ${unit} ran ${where}; fleet had placed it ${place === undefined ? "nowhere" : `on ${place}`}`;
    return [{ weight: "broken", text, at: facts.end }];
  });
}
