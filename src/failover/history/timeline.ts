import type { HistoryEvent } from "./history.ts";

/** A span of time in ms of the run; `to` is undefined while it lasts beyond the end of the history. */
export interface Span {
  readonly from: number;
  readonly to: number | undefined;
}

export interface ActiveSpan extends Span {
  readonly node: string;
  readonly invocation: string;
}

/** What the history shows of one unit and of the observation itself. */
export interface UnitTimeline {
  readonly unit: string;
  readonly active: readonly ActiveSpan[];
}

const endOf = (span: Span, end: number): number => span.to ?? end;

/** How many times longer than a container the machines of this run may take for anything. */
export function patienceIn(events: readonly HistoryEvent[]): number {
  return events.find((event) => event.kind === "begin")?.patience ?? 1;
}

/** When the last event was. */
export function endOfHistory(events: readonly HistoryEvent[]): number {
  return events.at(-1)?.at ?? 0;
}

/**
 * Where and when the unit was active by the nodes' own systemd. A node that was proved to be without power is not
 * active, whatever was last seen of it; a node merely out of sight keeps its last known state.
 */
export function unitTimeline(events: readonly HistoryEvent[], unit: string): UnitTimeline {
  const open = new Map<string, ActiveSpan>();
  const active: ActiveSpan[] = [];
  const close = (node: string, to: number): void => {
    const span = open.get(node);
    if (span === undefined) return;
    open.delete(node);
    active.push({ ...span, to });
  };
  for (const event of events) {
    if (event.kind === "fault" && event.action === "active" && event.effect === "off") {
      for (const node of event.victims) close(node, wentOffAt(events, event, node));
    }
    if (event.kind !== "sample" || event.unit !== unit) continue;
    const before = open.get(event.node);
    if (event.active === "active") {
      if (before !== undefined && before.invocation === event.invocation) continue;
      close(event.node, event.at);
      open.set(event.node, {
        node: event.node,
        from: event.at,
        to: undefined,
        invocation: event.invocation,
      });
    } else close(event.node, event.at);
  }
  return { unit, active: [...active, ...open.values()].toSorted((a, b) => a.from - b.from) };
}

/**
 * When a machine that is now proved to be off ran its last. A power cut ends everything at once; a shutdown takes its time,
 * and until the machine went out of sight it ran what it was last seen to run.
 */
function wentOffAt(
  events: readonly HistoryEvent[],
  proof: Extract<HistoryEvent, { kind: "fault" }>,
  node: string,
): number {
  const cutAt = injectedAt(events, proof);
  if (proof.fault === "power-cut") return cutAt;
  const lost = events.find(
    (event) =>
      event.kind === "sight" &&
      event.node === node &&
      !event.seen &&
      event.at >= cutAt &&
      event.at <= proof.at,
  );
  return lost?.at ?? proof.at;
}

/** The moment at which a fault that is now active was injected: the outage counts from there, not from its proof. */
function injectedAt(
  events: readonly HistoryEvent[],
  proof: Extract<HistoryEvent, { kind: "fault" }>,
): number {
  const inject = events.findLast(
    (event) =>
      event.kind === "fault" && event.action === "inject" && event.id === proof.id && event.at <= proof.at,
  );
  return inject?.at ?? proof.at;
}

/** What is left of a span beside those that explain it; spans without an end last until `end`. */
export function spanWithout(
  span: Span,
  others: readonly Span[],
  end: number,
): { readonly from: number; readonly to: number }[] {
  let parts = [{ from: span.from, to: endOf(span, end) }];
  for (const { from, to = end } of others) {
    parts = parts.flatMap((part) => [
      { from: part.from, to: Math.min(part.to, from) },
      { from: Math.max(part.from, to), to: part.to },
    ]);
    parts = parts.filter((part) => part.to > part.from);
  }
  return parts;
}

/**
 * When no machine ran the unit, between `from` and the end of the history. On a machine that stood still (`frozen`) a unit
 * is active, but does not run.
 */
export function awaySpans(
  timeline: UnitTimeline,
  frozen: readonly (Span & { readonly node: string })[],
  from: number,
  end: number,
): Span[] {
  const away: Span[] = [];
  let covered = from;
  const running = timeline.active
    .flatMap((span) =>
      spanWithout(
        span,
        frozen.filter(({ node }) => node === span.node),
        end,
      ),
    )
    .toSorted((a, b) => a.from - b.from);
  for (const span of running) {
    if (span.from > covered) away.push({ from: covered, to: span.from });
    covered = Math.max(covered, endOf(span, end));
  }
  if (covered < end) away.push({ from: covered, to: undefined });
  return away.filter((span) => endOf(span, end) > from);
}

/** The largest number of machines on which the unit was active at the same time, and when that began. */
export function mostCopies(timeline: UnitTimeline, end: number): { copies: number; at: number } {
  const marks = timeline.active.flatMap((span) => [
    { at: span.from, change: 1 },
    { at: endOf(span, end), change: -1 },
  ]);
  marks.sort((a, b) => a.at - b.at || a.change - b.change);
  let copies = 0;
  let most = { copies: 0, at: 0 };
  for (const mark of marks) {
    copies += mark.change;
    if (copies > most.copies) most = { copies, at: mark.at };
  }
  return most;
}

/**
 * Times longer than `longerThan` in which a node that should have been running was out of sight. They count from the first
 * step on: before that nothing happens that would have to be seen, and the steady state needs eyes of its own.
 */
export function blindSpans(events: readonly HistoryEvent[], longerThan: number): (Span & { node: string })[] {
  const begin = events.find((event) => event.kind === "begin");
  if (begin === undefined) return [];
  const end = endOfHistory(events);
  const start = events.find((event) => event.kind === "phase" && event.phase === "during")?.at ?? 0;
  return begin.nodes.flatMap((node) =>
    blindSpansOf(events, node, end)
      .map((span) => ({ ...span, from: Math.max(span.from, start) }))
      .filter((span) => endOf(span, end) - span.from > longerThan),
  );
}

function blindSpansOf(
  events: readonly HistoryEvent[],
  node: string,
  end: number,
): (Span & { node: string })[] {
  const spans: (Span & { node: string })[] = [];
  let down = false;
  let seen = false;
  let blindSince: number | undefined = 0;
  for (const event of events) {
    if (event.kind === "fault" && event.victims.includes(node)) {
      if (event.effect !== "off" && event.effect !== "frozen") continue;
      if (event.action === "inject") down = true;
      else if (event.action === "healed" || event.action === "toothless") down = false;
    } else if (event.kind === "sight" && event.node === node) seen = event.seen;
    if (!down && !seen) blindSince ??= event.at;
    else if (blindSince !== undefined) {
      spans.push({ node, from: blindSince, to: event.at });
      blindSince = undefined;
    }
  }
  if (blindSince !== undefined) spans.push({ node, from: blindSince, to: end });
  return spans;
}
