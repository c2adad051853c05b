import type { HistoryEvent } from "../history/history.ts";
import { contradictions, statusAgrees } from "./agreement.ts";
import { constraints } from "./constraints.ts";
import { converged } from "./converged.ts";
import { oneCopy } from "./copies.ts";
import { factsOf } from "./facts.ts";
import type { Invariant, InvariantResult } from "./invariant.ts";
import { nothingLost } from "./nothing-lost.ts";
import { noOrphans } from "./orphans.ts";
import { noNeedlessRestarts } from "./restarts.ts";

/** What must hold in every run, whatever its scenario says. */
const allInvariants: readonly Invariant[] = [
  oneCopy,
  constraints,
  statusAgrees,
  converged,
  noNeedlessRestarts,
  noOrphans,
  nothingLost,
];

/** Those that ask for the state at rest: while one is broken it is worth looking again. */
const restInvariants: readonly Invariant[] = [converged, noOrphans, nothingLost];

/** Whether what the machines answered last is a state at rest, in which nothing is about to change. */
export function isSettled(events: readonly HistoryEvent[]): boolean {
  const broken = checkInvariants(events, restInvariants).some(({ outcome }) => outcome === "fail");
  return !broken && contradictions(factsOf(events)).length === 0;
}

/** Checks a history; pure. */
export function checkInvariants(
  events: readonly HistoryEvent[],
  invariants: readonly Invariant[] = allInvariants,
): InvariantResult[] {
  const facts = factsOf(events);
  return invariants.map((invariant) => {
    const { name, about } = invariant;
    const findings = invariant.check(facts);
    if (findings === undefined) return { name, about, outcome: "unobserved", findings: [] };
    const broken = findings.some(({ weight }) => weight === "broken");
    return { name, about, outcome: broken ? "fail" : "pass", findings };
  });
}
