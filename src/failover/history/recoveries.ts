import type { HistoryEvent } from "./history.ts";
import { patienceIn, type ActiveSpan } from "./timeline.ts";

/** How the unit came back from one fault that took it away, or out of reach of the other machines. */
export interface Recovery {
  /**
   * `away`: no copy ran until this one did. `second-copy`: the first one ran on where the others could not know of it (a
   * partition, a stopped agent), so for a while there were two.
   */
  readonly kind: "away" | "second-copy";
  readonly fault: string;
  readonly victims: readonly string[];
  /** When the fault was injected, ms of the run. */
  readonly at: number;
  readonly from: string;
  /** Where it came back; undefined when it did not. */
  readonly to: string | undefined;
  /** ms from the injection until active again; undefined when it did not come back. */
  readonly took: number | undefined;
  /** ms in which no copy ran; undefined when it did not come back. */
  readonly away: number | undefined;
  /** ms in which two copies ran. */
  readonly both: number;
  readonly stages: readonly Stage[];
}

/**
 * A part of a recovery. `detect`: fleet no longer counts on the machine; `decide`: the engine has placed the unit
 * elsewhere; `dispatch`: systemd there begins to start it; `start`: systemd calls it active; `ready`: a probe of the
 * scenario that waited for it came true.
 */
export interface Stage {
  readonly name: StageName;
  /** When it was over, ms of the run; undefined when the history does not show it. */
  readonly at: number | undefined;
  /** ms since the last stage that is known, or since the injection; undefined when `at` is. */
  readonly took: number | undefined;
}

export const stageNames = ["detect", "decide", "dispatch", "start", "ready"] as const;
export type StageName = (typeof stageNames)[number];

/** Each fault that took the unit away or out of reach, and how it came back. */
export function recoveriesOf(
  events: readonly HistoryEvent[],
  unit: string,
  active: readonly ActiveSpan[],
): Recovery[] {
  const recoveries: Recovery[] = [];
  const bound = 2 * (events.find((event) => event.kind === "begin")?.lateBy.sample ?? 0);
  for (const event of events) {
    if (event.kind !== "fault" || event.action !== "inject") continue;
    const gone = goneAt(events, event.id, event.at);
    const over = gone + afterwards * patienceIn(events);
    const lost = active.find(
      (span) =>
        event.victims.includes(span.node) && span.from <= event.at && (span.to ?? Infinity) >= event.at,
    );
    // A fault that the unit lived through took nothing away.
    if (lost?.to === undefined || lost.to > over) continue;
    const back = active.find((span) => span !== lost && span.from >= event.at);
    if (isHitBetween(events, lost.node, gone, Math.min(lost.to, back?.from ?? Infinity))) continue;
    // On a machine that stands still nothing runs, whatever systemd there says once it goes on.
    const endedAt = event.effect === "frozen" ? event.at : lost.to;
    recoveries.push({
      ...wayBack(endedAt, back, bound),
      fault: event.fault,
      victims: event.victims,
      at: event.at,
      from: lost.node,
      to: back?.node,
      took: back === undefined ? undefined : back.from - event.at,
      stages: back === undefined ? [] : stagesOf(events, unit, event.at, lost.node, back),
    });
  }
  return recoveries;
}

/** Whether the machine was hit between the end of one fault and what was to be laid to it: then it is the later one's. */
function isHitBetween(events: readonly HistoryEvent[], node: string, from: number, to: number): boolean {
  return events.some(
    (event) =>
      event.kind === "fault" &&
      event.action === "inject" &&
      event.victims.includes(node) &&
      event.at >= from &&
      event.at <= to,
  );
}

/** Whether the unit was away, or ran twice; what is shorter than `bound` is within the error of measurement. */
function wayBack(
  endedAt: number,
  back: ActiveSpan | undefined,
  bound: number,
): Pick<Recovery, "kind" | "away" | "both"> {
  if (back === undefined) return { kind: "away", away: undefined, both: 0 };
  const both = Math.min(endedAt, back.to ?? Infinity) - back.from;
  return both > bound
    ? { kind: "second-copy", away: 0, both }
    : { kind: "away", away: Math.max(0, back.from - endedAt), both: 0 };
}

/** A unit of containers that ends this long (ms) after a fault is gone did not end because of it. */
const afterwards = 5_000;

function goneAt(events: readonly HistoryEvent[], id: string, from: number): number {
  const healed = events.find(
    (event) => event.kind === "fault" && event.id === id && event.action === "healed" && event.at >= from,
  );
  return healed?.at ?? Infinity;
}

function stagesOf(
  events: readonly HistoryEvent[],
  unit: string,
  injectedAt: number,
  lostOn: string,
  back: ActiveSpan,
): Stage[] {
  const during = events.filter(({ at }) => at >= injectedAt && at <= back.from);
  const detected = during.find(
    (event) =>
      event.kind === "registry" &&
      event.record.type === "machine" &&
      event.record.machine === lostOn &&
      !event.record.present,
  )?.at;
  const decided = during.findLast(
    (event) =>
      event.kind === "registry" &&
      event.record.type === "placement" &&
      event.record.unit === unit &&
      event.record.machine === back.node,
  )?.at;
  const dispatched = during.findLast(
    (event) =>
      event.kind === "sample" &&
      event.unit === unit &&
      event.node === back.node &&
      event.active === "activating" &&
      event.at >= (decided ?? injectedAt),
  )?.at;
  const known = { detect: detected, decide: decided, dispatch: dispatched, start: back.from };
  return withDurations(injectedAt, { ...known, ready: readyAt(events, unit, back.from) });
}

/** The first probe of the unit that came true after it was active, if it was already waited for by then. */
function readyAt(events: readonly HistoryEvent[], unit: string, activeAt: number): number | undefined {
  const index = events.findIndex(
    (event) => event.kind === "probe" && event.ok && event.at >= activeAt && event.text.includes(unit),
  );
  const since = events.slice(0, index).findLast((event) => event.kind === "step" || event.kind === "phase");
  return index >= 0 && since !== undefined && since.at <= activeAt ? events[index]?.at : undefined;
}

/** A stage that became known before the one that comes first in order took no time of its own. */
function withDurations(from: number, ends: Readonly<Record<StageName, number | undefined>>): Stage[] {
  let last = from;
  return stageNames.map((name) => {
    const at = ends[name];
    if (at === undefined) return { name, at, took: undefined };
    const took = Math.max(0, at - last);
    last = Math.max(last, at);
    return { name, at, took };
  });
}
