import { showDuration } from "../../foundation/duration.ts";
import type { HistoryEvent } from "../history/history.ts";
import type { Recovery } from "../history/recoveries.ts";
import type { UnitReport, Verdict } from "../verdict.ts";

/** The run as lines of text: what happened at which second, how long each unit was away, and the verdict. */
export function textReport(events: readonly HistoryEvent[], verdict: Verdict): string[] {
  return [
    ...timelineOf(events),
    "",
    ...verdict.units.flatMap(unitLines),
    ...invariantLines(verdict),
    "",
    ...verdictLines(verdict),
  ];
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
      return `+ ${isPower(event.fault) ? `power back for ${where}` : `${event.fault} on ${where} ends`}`;
    case "healed":
      return `  proved: ${event.evidence}`;
    case "stuck":
      return `  not healed: ${event.evidence}`;
    default:
      return where;
  }
}

const isPower = (fault: string): boolean => fault === "power-cut" || fault === "halt";

function unitLines(report: UnitReport): string[] {
  const recoveries = report.recoveries.flatMap((recovery) => [
    `  ${recoveryText(recovery)}`,
    ...(recovery.stages.length > 0 ? [`    ${stagesText(recovery)}`] : []),
  ]);
  const copies = `  ${report.mostCopies} at once at most, ${report.starts} start${report.starts === 1 ? "" : "s"} during the faults`;
  return [`${report.unit}:`, ...recoveries, copies];
}

/**
 * `away 4.2 s: power-cut on core-02, active again on core-03`, or `a second copy after 5.4 s: partition on core-02, also
 * active on core-03; both for 3.1 s`.
 */
function recoveryText({ kind, fault, victims, took, away = 0, both, to = "?" }: Recovery): string {
  const cause = `${fault} on ${victims.join(", ")}`;
  if (took === undefined) return `never came back: ${cause}`;
  if (kind === "second-copy") {
    return `a second copy after ${showDuration(took)}: ${cause}, also active on ${to}; both for ${showDuration(both)}`;
  }
  const later = took - away > tellApart ? ` ${showDuration(took)} after it` : "";
  return `away ${showDuration(away)}: ${cause}, active again on ${to}${later}`;
}

/** How long (ms) after a fault a unit must have run on, so that both times are worth telling. */
const tellApart = 300;

/** `detect 3.1 s, decide 20 ms, …`; a stage that was not seen is part of the next one. */
function stagesText({ stages }: Pick<Recovery, "stages">): string {
  return stages
    .filter(({ name, took }) => took !== undefined || name !== "ready")
    .map(({ name, took }) => `${name} ${took === undefined ? "not seen" : showDuration(took)}`)
    .join(", ");
}

/** Notes and what could not be checked; broken invariants are among the verdict's reasons. */
function invariantLines({ invariants }: Verdict): string[] {
  const held = invariants.filter(({ outcome }) => outcome === "pass").length;
  const unobserved = invariants.filter(({ outcome }) => outcome === "unobserved").map(({ name }) => name);
  const notes = invariants.flatMap(({ findings }) => findings.filter(({ weight }) => weight === "note"));
  return [
    `${held} of ${invariants.length} invariants held${unobserved.length > 0 ? `; not observed: ${unobserved.join(", ")}` : ""}`,
    ...notes.map(({ text }) => `  note: ${text}`),
  ];
}

function verdictLines(verdict: Verdict): string[] {
  return [verdict.outcome.toUpperCase(), ...verdict.reasons.map((reason) => `  ${reason}`)];
}
