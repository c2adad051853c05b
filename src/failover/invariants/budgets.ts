import { showDuration } from "../../foundation/duration.ts";
import type { Budget } from "../scenario/scenario.ts";
import type { UnitReport } from "../verdict.ts";

/** What of a budget one unit did not keep to, a sentence each. */
export function overBudget(report: UnitReport, budget: Budget, end: number): string[] {
  return [
    ...lateRecoveries(report, budget),
    ...tooLongAway(report, budget, end),
    ...tooMany(`${report.unit} ran`, "times at once", report.mostCopies, budget.copiesAtMost),
    ...tooMany(`${report.unit} was started`, "times", report.starts, budget.startsAtMost),
  ];
}

function lateRecoveries({ unit, recoveries }: UnitReport, { recoveredWithin }: Budget): string[] {
  if (recoveredWithin === undefined) return [];
  return recoveries.flatMap(({ kind, took, fault, from }) => {
    if (took === undefined) return [`${unit} never came back after ${fault} on ${from}`];
    if (took <= recoveredWithin) return [];
    const allowed = showDuration(recoveredWithin);
    const late = kind === "away" ? "to come back" : "until a second copy ran, out of reach of the first";
    return [`${unit} needed ${showDuration(took)} ${late} (allowed: ${allowed})`];
  });
}

function tooLongAway({ unit, away }: UnitReport, { awayAtMost }: Budget, end: number): string[] {
  const longest = Math.max(0, ...away.map((span) => (span.to ?? end) - span.from));
  if (awayAtMost === undefined || longest <= awayAtMost) return [];
  return [`${unit} was away for ${showDuration(longest)} (allowed: ${showDuration(awayAtMost)})`];
}

function tooMany(what: string, unit: string, count: number, allowed: number | undefined): string[] {
  return allowed !== undefined && count > allowed ? [`${what} ${count} ${unit} (allowed: ${allowed})`] : [];
}
