import { showDuration } from "../foundation/duration.ts";
import type { HistoryEvent } from "./history/history.ts";
import { checkInvariants } from "./invariants/all.ts";
import { overBudget } from "./invariants/budgets.ts";
import { frozenSpans } from "./invariants/facts.ts";
import type { InvariantResult } from "./invariants/invariant.ts";
import { recoveriesOf, type Recovery } from "./history/recoveries.ts";
import {
  awaySpans,
  blindSpans,
  endOfHistory,
  mostCopies,
  patienceIn,
  unitTimeline,
  type ActiveSpan,
  type Span,
} from "./history/timeline.ts";

/**
 * The verdict, computed from the history alone. Inconclusive means that the run proves nothing: a fault did not bite, the
 * cluster was broken before the first fault, or nobody was looking at the moment that counts.
 */
export interface Verdict {
  readonly outcome: "pass" | "fail" | "inconclusive";
  /** A sentence each; empty when it passed. */
  readonly reasons: readonly string[];
  readonly units: readonly UnitReport[];
  /** What must hold in every run, and whether it did. */
  readonly invariants: readonly InvariantResult[];
}

export interface UnitReport {
  readonly unit: string;
  readonly active: readonly ActiveSpan[];
  readonly away: readonly Span[];
  readonly recoveries: readonly Recovery[];
  readonly mostCopies: number;
  readonly starts: number;
}

/** A container out of sight for longer than this (ms) is a gap in the history. */
const longestGap = 2_000;

/** Computes the verdict from the history alone; the budgets are in its first event. */
export function judge(events: readonly HistoryEvent[]): Verdict {
  const units = unitsObserved(events).map((unit) => reportUnit(events, unit));
  const invariants = checkInvariants(events);
  const doubts = doubtsOf(events);
  const failures = failuresOf(events, units, invariants);
  const outcome = failures.length > 0 ? "fail" : "pass";
  return {
    outcome: doubts.length > 0 ? "inconclusive" : outcome,
    reasons: [...doubts, ...failures],
    units,
    invariants,
  };
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
  for (const gap of blindSpans(events, longestGap * patienceIn(events))) {
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
  invariants: readonly InvariantResult[],
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
  for (const budget of events.find((event) => event.kind === "begin")?.budgets ?? []) {
    const report = units.find((unit) => unit.unit === budget.unit);
    if (report !== undefined) failures.push(...overBudget(report, budget, end));
  }
  const broken = invariants.flatMap(({ findings }) => findings.filter(({ weight }) => weight === "broken"));
  return [...failures, ...broken.map(({ text, at }) => `${text}, ${showDuration(at)} into the run`)];
}

function reportUnit(events: readonly HistoryEvent[], unit: string): UnitReport {
  const timeline = unitTimeline(events, unit);
  const end = endOfHistory(events);
  const steadyAt = events.find((event) => event.kind === "phase" && event.phase === "during")?.at ?? end;
  return {
    unit,
    active: timeline.active,
    away: awaySpans(timeline, frozenSpans(events), steadyAt, end),
    recoveries: recoveriesOf(events, unit, timeline.active),
    mostCopies: mostCopies(timeline, end).copies,
    starts: timeline.active.filter((span) => span.from > steadyAt).length,
  };
}
