import { showDuration } from "../foundation/duration.ts";
import type { HistoryEvent } from "./history.ts";
import type { Recovery } from "./recoveries.ts";
import type { UnitReport, Verdict } from "./verdict.ts";

/** The run as lines of text: what happened at which second, how long each unit was away, and the verdict. */
export function textReport(events: readonly HistoryEvent[], verdict: Verdict): string[] {
  return [...timelineOf(events), "", ...verdict.units.flatMap(unitLines), "", ...verdictLines(verdict)];
}

/** One line for each event that a reader cares about; undefined for the rest. */
export function showEvent(event: HistoryEvent): string | undefined {
  const text = textOf(event);
  return text === undefined ? undefined : `${(event.at / 1_000).toFixed(1).padStart(7)} s  ${text}`;
}

function timelineOf(events: readonly HistoryEvent[]): string[] {
  return events.flatMap((event) => showEvent(event) ?? []);
}

function textOf(event: HistoryEvent): string | undefined {
  switch (event.kind) {
    case "begin":
      return `${event.scenario} on ${event.cluster} (${event.provider}, seed ${event.seed}; a power cut here ends the ${event.powerCut === "guest" ? "virtual machine" : "node's processes"})`;
    case "phase":
      return undefined;
    case "step":
      return `step ${event.step}: ${event.text}`;
    case "fault":
      return faultText(event);
    case "probe":
      return `${event.ok ? "✓" : "✗"} ${event.text}, ${event.detail}`;
    case "sight":
      return undefined;
    case "registry":
    case "registry-sight":
    case "audit":
      return undefined;
    case "sample":
      return `${event.unit} is ${event.active} (${event.sub}) on ${event.node}`;
    case "trouble":
      return `! ${event.text}`;
    case "end":
      return undefined;
    default:
      return undefined;
  }
}

function faultText(event: Extract<HistoryEvent, { kind: "fault" }>): string {
  const where = event.victims.join(", ");
  switch (event.action) {
    case "inject":
      return `⚡ ${event.fault} on ${where}`;
    case "active":
      return `  proved: ${event.evidence}`;
    case "toothless":
      return `  no proof: ${event.evidence}`;
    case "heal":
      return `+ power back for ${where}`;
    case "healed":
      return `  proved: ${event.evidence}`;
    case "stuck":
      return `  not healed: ${event.evidence}`;
    default:
      return where;
  }
}

function unitLines(report: UnitReport): string[] {
  const recoveries = report.recoveries.map((recovery) => `  ${recoveryText(recovery)}`);
  const copies = `  ${report.mostCopies} at once at most, ${report.starts} start${report.starts === 1 ? "" : "s"} during the faults`;
  return [`${report.unit}:`, ...recoveries, copies];
}

/** `away 4.2 s: power-cut on core-02, active again on core-03`. */
function recoveryText(recovery: Recovery): string {
  const cause = `${recovery.fault} on ${recovery.victims.join(", ")}`;
  if (recovery.took === undefined) return `never came back: ${cause}`;
  return `away ${showDuration(recovery.took)}: ${cause}, active again on ${recovery.to ?? "?"}`;
}

function verdictLines(verdict: Verdict): string[] {
  return [verdict.outcome.toUpperCase(), ...verdict.reasons.map((reason) => `  ${reason}`)];
}

/** p50, p95 and the largest of some times in ms, by nearest rank. */
export interface Spread {
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export function spreadOf(times: readonly number[]): Spread | undefined {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  if (sorted.length === 0) return undefined;
  return { runs: sorted.length, p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

/** The machine-readable report of some runs of scenarios (schema version 2). */
export interface JsonReport {
  readonly v: 2;
  readonly runs: readonly {
    readonly scenario: string;
    readonly seed: number;
    readonly outcome: Verdict["outcome"];
    readonly reasons: readonly string[];
    readonly units: readonly UnitReport[];
    readonly history: readonly HistoryEvent[];
  }[];
  readonly recoveries: readonly { readonly unit: string; readonly spread: Spread }[];
}

export interface FinishedRun {
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly events: readonly HistoryEvent[];
}

export function jsonReport(runs: readonly FinishedRun[]): JsonReport {
  const units = [...new Set(runs.flatMap((run) => run.verdict.units.map((unit) => unit.unit)))];
  return {
    v: 2,
    runs: runs.map(({ scenario, seed, verdict, events }) => ({
      scenario,
      seed,
      outcome: verdict.outcome,
      reasons: verdict.reasons,
      units: verdict.units,
      history: events,
    })),
    recoveries: units.flatMap((unit) => {
      const spread = spreadOf(recoveryTimes(runs, unit));
      return spread === undefined ? [] : [{ unit, spread }];
    }),
  };
}

/** Every time (ms) that the unit needed to come back, over all runs. */
export function recoveryTimes(runs: readonly FinishedRun[], unit: string): number[] {
  return runs
    .flatMap((run) => run.verdict.units.filter((report) => report.unit === unit))
    .flatMap((report) => report.recoveries)
    .flatMap((recovery) => recovery.took ?? []);
}
