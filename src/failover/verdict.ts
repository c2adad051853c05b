import { showDuration } from "../foundation/duration.ts";
import type { HistoryEvent } from "./history.ts";
import type { Budget, Scenario } from "./scenario.ts";
import {
  awaySpans,
  blindSpans,
  endOfHistory,
  mostCopies,
  unitTimeline,
  type ActiveSpan,
  type Span,
} from "./timeline.ts";

/**
 * The verdict, computed from the history alone. Inconclusive means that the run proves nothing: a fault did not bite, the
 * cluster was broken before the first fault, or nobody was looking at the moment that counts.
 */
export interface Verdict {
  readonly outcome: "pass" | "fail" | "inconclusive";
  /** A sentence each; empty when it passed. */
  readonly reasons: readonly string[];
  readonly units: readonly UnitReport[];
}

export interface UnitReport {
  readonly unit: string;
  readonly active: readonly ActiveSpan[];
  readonly away: readonly Span[];
  readonly recoveries: readonly Recovery[];
  readonly mostCopies: number;
  readonly starts: number;
}

/** How the unit came back from one fault that took it away. */
export interface Recovery {
  readonly fault: string;
  readonly victims: readonly string[];
  /** When the fault was injected, ms of the run. */
  readonly at: number;
  readonly from: string;
  /** Where it came back; undefined when it did not. */
  readonly to: string | undefined;
  /** ms from the injection until active again; undefined when it did not come back. */
  readonly took: number | undefined;
}

/** A node out of sight for longer than this (ms) is a gap in the history. */
const longestGap = 2_000;

export function judge(events: readonly HistoryEvent[], scenario: Pick<Scenario, "budgets">): Verdict {
  const units = unitsObserved(events).map((unit) => reportUnit(events, unit));
  const doubts = doubtsOf(events);
  const failures = failuresOf(events, units, scenario.budgets);
  if (doubts.length > 0) return { outcome: "inconclusive", reasons: [...doubts, ...failures], units };
  return { outcome: failures.length > 0 ? "fail" : "pass", reasons: failures, units };
}

function unitsObserved(events: readonly HistoryEvent[]): readonly string[] {
  return events.find((event) => event.kind === "begin")?.units ?? [];
}

/** Why the run could prove nothing. */
function doubtsOf(events: readonly HistoryEvent[]): string[] {
  const doubts: string[] = [];
  for (const event of events) {
    if (event.kind === "probe" && event.phase === "before" && !event.ok) {
      doubts.push(`the cluster was not steady before the first fault: ${event.text} (${event.detail})`);
    }
    if (event.kind === "fault" && event.action === "toothless") {
      doubts.push(`${event.fault} on ${event.victims.join(", ")} did not bite: ${event.evidence}`);
    }
    if (event.kind === "trouble") doubts.push(event.text);
  }
  if (!hasBitten(events) && doubts.length === 0) doubts.push("no fault was ever active");
  for (const gap of blindSpans(events, longestGap)) {
    const length = showDuration((gap.to ?? endOfHistory(events)) - gap.from);
    doubts.push(`${gap.node} was out of sight for ${length}, ${showDuration(gap.from)} into the run`);
  }
  const last = events.at(-1);
  if (last?.kind !== "end") doubts.push("the history breaks off before its end");
  else if (!last.complete) doubts.push("the run was stopped before its end");
  return doubts;
}

const hasBitten = (events: readonly HistoryEvent[]): boolean =>
  events.some((event) => event.kind === "fault" && event.action === "active");

/** What went wrong with the cluster. */
function failuresOf(
  events: readonly HistoryEvent[],
  units: readonly UnitReport[],
  budgets: readonly Budget[],
): string[] {
  const failures: string[] = [];
  for (const event of events) {
    if (event.kind === "probe" && event.phase !== "before" && !event.ok) {
      failures.push(`not in time: ${event.text} (${event.detail})`);
    }
    if (event.kind === "fault" && event.action === "stuck") {
      failures.push(`${event.fault} on ${event.victims.join(", ")} could not be healed: ${event.evidence}`);
    }
  }
  const end = endOfHistory(events);
  for (const budget of budgets) {
    const report = units.find((unit) => unit.unit === budget.unit);
    if (report !== undefined) failures.push(...overBudget(report, budget, end));
  }
  return failures;
}

function overBudget(report: UnitReport, budget: Budget, end: number): string[] {
  const over: string[] = [];
  for (const recovery of report.recoveries) {
    if (budget.recoveredWithin === undefined) break;
    if (recovery.took === undefined) {
      over.push(`${report.unit} never came back after ${recovery.fault} on ${recovery.from}`);
    } else if (recovery.took > budget.recoveredWithin) {
      const allowed = showDuration(budget.recoveredWithin);
      over.push(`${report.unit} needed ${showDuration(recovery.took)} to come back (allowed: ${allowed})`);
    }
  }
  const longest = Math.max(0, ...report.away.map((span) => (span.to ?? end) - span.from));
  if (budget.awayAtMost !== undefined && longest > budget.awayAtMost) {
    over.push(
      `${report.unit} was away for ${showDuration(longest)} (allowed: ${showDuration(budget.awayAtMost)})`,
    );
  }
  if (budget.copiesAtMost !== undefined && report.mostCopies > budget.copiesAtMost) {
    over.push(`${report.unit} ran ${report.mostCopies} times at once (allowed: ${budget.copiesAtMost})`);
  }
  if (budget.startsAtMost !== undefined && report.starts > budget.startsAtMost) {
    over.push(`${report.unit} was started ${report.starts} times (allowed: ${budget.startsAtMost})`);
  }
  return over;
}

function reportUnit(events: readonly HistoryEvent[], unit: string): UnitReport {
  const timeline = unitTimeline(events, unit);
  const end = endOfHistory(events);
  const steadyAt = events.find((event) => event.kind === "phase" && event.phase === "during")?.at ?? end;
  return {
    unit,
    active: timeline.active,
    away: awaySpans(timeline, steadyAt, end),
    recoveries: recoveriesOf(events, timeline.active),
    mostCopies: mostCopies(timeline, end).copies,
    starts: timeline.active.filter((span) => span.from > steadyAt).length,
  };
}

function recoveriesOf(events: readonly HistoryEvent[], active: readonly ActiveSpan[]): Recovery[] {
  const recoveries: Recovery[] = [];
  for (const event of events) {
    if (event.kind !== "fault" || event.action !== "inject") continue;
    const lost = active.find(
      (span) =>
        event.victims.includes(span.node) && span.from <= event.at && (span.to ?? Infinity) >= event.at,
    );
    // A fault that the unit lived through took nothing away.
    if (lost?.to === undefined) continue;
    const back = active.find((span) => span.from > event.at);
    recoveries.push({
      fault: event.fault,
      victims: event.victims,
      at: event.at,
      from: lost.node,
      to: back?.node,
      took: back === undefined ? undefined : back.from - event.at,
    });
  }
  return recoveries;
}
