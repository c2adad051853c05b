import type { Drawing } from "../../faults/fault.ts";
import { drawingOf } from "../../faults/table.ts";
import type { HistoryEvent } from "../../history/history.ts";
import { factsOf, type Facts } from "../../invariants/facts.ts";
import { awaySpans, spanWithout } from "../../history/timeline.ts";

/** What the page draws of one run, in ms of the run. */
export interface RunView {
  readonly end: number;
  readonly lanes: readonly Lane[];
  /** When each unit ran nowhere, from the first step on. */
  readonly away: readonly { readonly unit: string; readonly spans: readonly Stretch[] }[];
  readonly steps: readonly { readonly at: number; readonly step: number; readonly text: string }[];
}

/** One machine. */
export interface Lane {
  readonly node: string;
  readonly units: readonly { readonly unit: string; readonly spans: readonly StateStretch[] }[];
  readonly faults: readonly FaultStretch[];
  /** When nobody could look. */
  readonly hidden: readonly Stretch[];
  /** When fleet counted on the machine. */
  readonly member: readonly Stretch[];
  /** When its engine led. */
  readonly leads: readonly Stretch[];
}

export interface Stretch {
  readonly from: number;
  readonly to: number;
}
export interface StateStretch extends Stretch {
  /** systemd's ActiveState. */
  readonly state: string;
  /** How many changes of state were too short to be drawn apart. */
  readonly merged: number;
}
export interface FaultStretch extends Stretch {
  readonly fault: string;
  /** As the fault itself wants to be drawn. */
  readonly drawn: Drawing;
  readonly evidence: string;
}

/** Finer than this part of the run nothing is drawn apart: that keeps the page of a long run small. */
const resolution = 1 / 3_000;

export function viewOf(events: readonly HistoryEvent[]): RunView {
  const facts = factsOf(events);
  const frozen = facts.faults.filter(({ effect }) => effect === "frozen");
  const finest = facts.end > 300_000 ? facts.end * resolution : 0;
  return {
    end: Math.max(1, facts.end),
    lanes: facts.nodes.map((node) => laneOf(facts, node, finest)),
    away: facts.timelines.map(({ unit, active }) => ({
      unit,
      spans: awaySpans({ unit, active }, frozen, facts.duringAt, facts.end).map(({ from, to }) => ({
        from,
        to: to ?? facts.end,
      })),
    })),
    steps: events.flatMap((event) =>
      event.kind === "step" ? [{ at: event.at, step: event.step, text: event.text }] : [],
    ),
  };
}

function laneOf(facts: Facts, node: string, finest: number): Lane {
  const { events, end } = facts;
  const registry = (value: (event: HistoryEvent) => boolean | undefined): Stretch[] =>
    stretches(events, end, value);
  const faults = facts.faults.filter((span) => span.node === node);
  const dark = faults.filter(({ effect }) => effect === "off" || effect === "frozen");
  return {
    node,
    units: facts.timelines.map(({ unit }) => ({
      unit,
      spans: merge(stateStretches(facts, node, unit), finest),
    })),
    faults: faults.map(({ fault, from, to }) => ({
      fault,
      drawn: drawingOf(fault),
      from,
      to: to ?? end,
      evidence: evidenceOf(events, fault, from),
    })),
    hidden: registry((event) =>
      event.kind === "sight" && event.node === node ? !event.seen : undefined,
    ).flatMap((span) => spanWithout(span, dark, end)),
    member: registry((event) =>
      event.kind === "registry" && event.record.type === "machine" && event.record.machine === node
        ? event.record.present
        : undefined,
    ),
    leads: registry((event) =>
      event.kind === "registry" && event.record.type === "leader" ? event.record.machine === node : undefined,
    ),
  };
}

const evidenceOf = (events: readonly HistoryEvent[], fault: string, from: number): string => {
  const proof = events.find(
    (event) => event.kind === "fault" && event.fault === fault && event.at >= from && event.evidence !== "",
  );
  return proof?.kind === "fault" ? proof.evidence : "";
};

/** When the last value that an event told was true. */
function stretches(
  events: readonly HistoryEvent[],
  end: number,
  value: (event: HistoryEvent) => boolean | undefined,
): Stretch[] {
  const found: Stretch[] = [];
  let since: number | undefined;
  for (const event of events) {
    const now = value(event);
    if (now === true) since ??= event.at;
    else if (now === false && since !== undefined) {
      found.push({ from: since, to: event.at });
      since = undefined;
    }
  }
  return since === undefined ? found : [...found, { from: since, to: end }];
}

/** The unit's states on the machine, by its own systemd; a machine that is off has none. */
function stateStretches({ events, end, faults }: Facts, node: string, unit: string): StateStretch[] {
  const found: StateStretch[] = [];
  let open: { state: string; from: number } | undefined;
  const close = (at: number): void => {
    if (open !== undefined && at > open.from && open.state !== "inactive") {
      found.push({ ...open, to: at, merged: 0 });
    }
    open = undefined;
  };
  const offs = faults.filter((span) => span.node === node && span.effect === "off");
  for (const event of events) {
    if (event.kind === "fault" && event.action === "inject" && offs.some(({ from }) => from === event.at)) {
      close(event.at);
    }
    if (event.kind !== "sample" || event.node !== node || event.unit !== unit) continue;
    if (open?.state === event.active) continue;
    close(event.at);
    open = { state: event.active, from: event.at };
  }
  close(end);
  return found;
}

/** Draws neighbours as one when what parts them is too short to be seen; the state that lasts longest gives the colour. */
function merge(spans: readonly StateStretch[], finest: number): readonly StateStretch[] {
  if (finest === 0) return spans;
  const merged: StateStretch[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    const tiny = span.to - span.from < finest || (last !== undefined && last.to - last.from < finest);
    const near = last !== undefined && span.from - last.to < finest;
    if (last === undefined || !near || (!tiny && last.state !== span.state)) {
      merged.push(span);
      continue;
    }
    const longest = last.to - last.from >= span.to - span.from ? last.state : span.state;
    merged[merged.length - 1] = {
      from: last.from,
      to: span.to,
      state: longest,
      merged: last.merged + span.merged + 1,
    };
  }
  return merged;
}
