import type { HistoryEvent } from "./history.ts";
import { patienceIn, type ActiveSpan } from "./timeline.ts";

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

/** Each fault that took the unit away, and how it came back. */
export function recoveriesOf(
  events: readonly HistoryEvent[],
  unit: string,
  active: readonly ActiveSpan[],
): Recovery[] {
  const recoveries: Recovery[] = [];
  for (const event of events) {
    if (event.kind !== "fault" || event.action !== "inject") continue;
    const over = goneAt(events, event.id, event.at) + afterwards * patienceIn(events);
    const lost = active.find(
      (span) =>
        event.victims.includes(span.node) && span.from <= event.at && (span.to ?? Infinity) >= event.at,
    );
    // A fault that the unit lived through took nothing away.
    if (lost?.to === undefined || lost.to > over) continue;
    const back = active.find((span) => span !== lost && span.from >= event.at);
    recoveries.push({
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
