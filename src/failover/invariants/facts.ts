import type { FaultEffect, HistoryEvent, Phase } from "../history/history.ts";
import { endOfHistory, patienceIn, unitTimeline, type Span, type UnitTimeline } from "../history/timeline.ts";
import { splits } from "./effects.ts";

/** One machine under one fault, from the injection until it was proved to be gone. */
export interface FaultSpan extends Span {
  readonly fault: string;
  readonly effect: FaultEffect;
  readonly node: string;
}

/** What checkers ask of a history, read once. */
export interface Facts {
  readonly events: readonly HistoryEvent[];
  readonly begin: Extract<HistoryEvent, { kind: "begin" }> | undefined;
  readonly nodes: readonly string[];
  readonly end: number;
  /** When the first step was played; the end when there was none. */
  readonly duringAt: number;
  /** When the last fault was gone. */
  readonly lastHealAt: number;
  /** How many times longer than a container a machine may take for anything. */
  readonly patience: number;
  /** Overlaps and gaps shorter than this (ms) are within the error of measurement. */
  readonly bound: number;
  readonly faults: readonly FaultSpan[];
  readonly timelines: readonly UnitTimeline[];
  /** The scenario's own steps that start or stop units. */
  readonly asks: readonly { readonly at: number; readonly text: string }[];
}

/** How long a cluster of containers may need to come to rest when a fault is gone, ms. */
export const settleTime = 15_000;

export function factsOf(events: readonly HistoryEvent[]): Facts {
  const begin = events.find((event) => event.kind === "begin");
  const end = endOfHistory(events);
  const faults = faultSpans(events);
  return {
    events,
    begin,
    nodes: begin?.nodes ?? [],
    end,
    duringAt: phaseAt(events, "during") ?? end,
    lastHealAt: Math.max(0, ...faults.map((span) => span.to ?? end)),
    patience: patienceIn(events),
    bound: 2 * (begin?.lateBy?.sample ?? 0),
    faults,
    timelines: (begin?.units ?? []).map((unit) => unitTimeline(events, unit)),
    asks: events.flatMap((event) =>
      event.kind === "step" && /^(start|stop|restart|load|unload|destroy|submit)\b/.test(event.text)
        ? [{ at: event.at, text: event.text }]
        : [],
    ),
  };
}

/** When a phase began. */
export function phaseAt(events: readonly HistoryEvent[], phase: Phase): number | undefined {
  return events.find((event) => event.kind === "phase" && event.phase === phase)?.at;
}

/** Which machine had which fault, and when. */
function faultSpans(events: readonly HistoryEvent[]): FaultSpan[] {
  const open = new Map<string, FaultSpan>();
  const spans: FaultSpan[] = [];
  for (const event of events) {
    if (event.kind !== "fault") continue;
    for (const node of event.victims) {
      const key = `${event.id} ${node}`;
      if (event.action === "inject" && !open.has(key)) {
        open.set(key, { fault: event.fault, effect: event.effect, node, from: event.at, to: undefined });
      }
      const span = open.get(key);
      if ((event.action === "healed" || event.action === "toothless") && span !== undefined) {
        open.delete(key);
        if (event.action === "healed") spans.push({ ...span, to: event.at });
      }
    }
  }
  return [...spans, ...open.values()].toSorted((a, b) => a.from - b.from);
}

/** When machines stood still. */
export function frozenSpans(events: readonly HistoryEvent[]): FaultSpan[] {
  return faultSpans(events).filter(({ effect }) => effect === "frozen");
}

/** The faults whose time, with what they leave behind for a while, touches [from, to]. */
export function faultsAround(
  facts: Facts,
  from: number,
  to: number,
  after = settleTime * facts.patience,
): FaultSpan[] {
  return facts.faults.filter((span) => span.from <= to && (span.to ?? facts.end) + after >= from);
}

/** Whether machines may have been deaf to each other, or stood still, at some time in [from, to] or shortly before. */
export function wasSplit(facts: Facts, from: number, to: number): boolean {
  return faultsAround(facts, from, to).some(splits);
}

/** The overlap of two spans; undefined when there is none. */
export function overlapOf(a: Span, b: Span, end: number): { from: number; to: number } | undefined {
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to ?? end, b.to ?? end);
  return to > from ? { from, to } : undefined;
}

/** Whether one of the scenario's own steps (start, stop, restart) in [from, to] speaks of the unit. */
export function askedFor(facts: Facts, unit: string, from: number, to: number): boolean {
  const name = unit.replace(/\.service$/, "");
  return facts.asks.some(({ at, text }) => at >= from && at <= to && text.includes(name));
}
