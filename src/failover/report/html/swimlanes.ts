import { showDuration } from "../../../foundation/duration.ts";
import { escapeMarkup } from "../escape.ts";
import type { Lane, RunView, StateStretch, Stretch } from "./view.ts";

/** Heights, px. Positions in time are per cent, so that the drawing stretches without distorting its texts. */
const size = { axis: 22, flags: 20, away: 16, unit: 20, lanePadding: 9, gap: 6 } as const;

/** One run as rows of labels and a drawing beside them: machines down, time across. */
export function swimlanes(view: RunView): string {
  const unitRows = view.away.length;
  const laneHeight = 2 * size.lanePadding + unitRows * size.unit;
  const awayTop = size.axis + size.flags;
  const lanesTop = awayTop + unitRows * size.away + size.gap;
  const height = lanesTop + view.lanes.length * (laneHeight + size.gap);
  const labels = [
    ...view.away.map(({ unit }, index) =>
      label("away", `${unit} away`, awayTop + index * size.away, size.away),
    ),
    ...view.lanes.map(({ node }, index) =>
      label("machine", node, lanesTop + index * (laneHeight + size.gap), laneHeight),
    ),
  ];
  const draw = drawing(view.end);
  const parts = [
    `<g class="grid">${grid(view.end, height)}</g>`,
    ...view.steps.map(({ at, step, text }) => draw.flag(at, step, text, height)),
    ...view.away.flatMap(({ unit, spans }, index) =>
      spans.map((span) =>
        draw.bar("away", span, awayTop + index * size.away + 4, size.away - 8, `${unit} ran nowhere`),
      ),
    ),
    ...view.lanes.map((lane, index) =>
      drawLane(draw, lane, lanesTop + index * (laneHeight + size.gap), laneHeight),
    ),
  ];
  return [
    `<div class="lanes"><div class="labels" style="height:${height}px">${labels.join("")}</div>`,
    `<div class="scroll" tabindex="0" aria-label="timeline"><svg class="drawing" data-end="${view.end}" width="100%" height="${height}" role="img" aria-label="what ran where, and when">`,
    ...parts,
    `<line class="cursor" y1="0" y2="${height}" x1="-1" x2="-1"/></svg></div></div>`,
  ].join("\n");
}

interface Drawing {
  /** How much of the run a stretch takes. */
  share(span: Stretch): number;
  bar(kind: string, span: Stretch, y: number, height: number, tip: string): string;
  flag(at: number, step: number, text: string, height: number): string;
  text(kind: string, at: number, y: number, text: string): string;
}

function drawing(end: number): Drawing {
  const x = (at: number): string => `${((100 * at) / end).toFixed(3)}%`;
  return {
    share: ({ from, to }) => (to - from) / end,
    bar: (kind, { from, to }, y, height, tip) => {
      const when = `${clockText(from)} – ${clockText(to)} (${showDuration(to - from)})`;
      const place = `x="${x(from)}" y="${y}" width="${x(to - from)}" height="${height}"`;
      return `<rect class="${kind}" ${place} rx="2"><title>${escapeMarkup(`${tip}\n${when}`)}</title></rect>`;
    },
    flag: (at, step, text, height) =>
      `<g class="flag"><line x1="${x(at)}" x2="${x(at)}" y1="${size.axis}" y2="${height}"/>` +
      `<text x="${x(at)}" y="${size.axis + 11}" dx="3">${step}</text>` +
      `<title>${escapeMarkup(`step ${step}: ${text}\n${clockText(at)}`)}</title></g>`,
    text: (kind, at, y, text) =>
      `<text class="${kind}" x="${x(at)}" y="${y}" dx="5">${escapeMarkup(text)}</text>`,
  };
}

function drawLane(draw: Drawing, lane: Lane, top: number, height: number): string {
  const bars = lane.units.flatMap(({ unit, spans }, index) => {
    const y = top + size.lanePadding + index * size.unit + 2;
    return spans.flatMap((span) => unitBar(draw, unit, index, span, y));
  });
  return [
    `<g class="lane"><rect class="ground" x="0" y="${top}" width="100%" height="${height}" rx="4"/>`,
    ...lane.member.map((span) => draw.bar("member", span, top + height - 5, 3, `fleet lists ${lane.node}`)),
    ...lane.leads.map((span) => draw.bar("leads", span, top + 2, 3, `${lane.node} leads fleet's engine`)),
    ...lane.hidden.map((span) => draw.bar("hidden", span, top, height, `${lane.node} is out of sight`)),
    ...bars,
    ...lane.faults.flatMap((span) => [
      draw.bar(
        `fault ${span.drawn.colour}`,
        span,
        top,
        height,
        `${span.fault} on ${lane.node}\n${span.evidence}`,
      ),
      draw.text(`fault-name ${span.drawn.colour}`, span.from, top + 16, `⚡ ${span.drawn.label}`),
    ]),
    "</g>",
  ].join("");
}

const known = new Set(["active", "activating", "deactivating", "failed", "reloading"]);

/** A bar shorter than this part of the run has no room for its name. */
const nameable = 0.09;

function unitBar(draw: Drawing, unit: string, index: number, span: StateStretch, y: number): string[] {
  const state = known.has(span.state) ? span.state : "other";
  const changes = span.merged > 0 ? `, and ${span.merged} changes too short to draw` : "";
  const bar = draw.bar(
    `unit ${state} u${index % 6}`,
    span,
    y,
    size.unit - 4,
    `${unit}: ${span.state}${changes}`,
  );
  return state === "active" && draw.share(span) > nameable
    ? [bar, draw.text("unit-name", span.from, y + 12, unit)]
    : [bar];
}

const label = (kind: string, text: string, top: number, height: number): string =>
  `<div class="label ${kind}" style="top:${top}px;height:${height}px"><span>${escapeMarkup(text)}</span></div>`;

/** Lines at round times. */
function grid(end: number, height: number): string {
  const step = roundStep(end / 10);
  const lines: string[] = [];
  for (let at = 0; at <= end; at += step) {
    const x = `${((100 * at) / end).toFixed(3)}%`;
    lines.push(
      `<line x1="${x}" x2="${x}" y1="${size.axis - 4}" y2="${height}"/>${at > 0.96 * end ? "" : `<text x="${x}" y="13" dx="2">${tickText(at)}</text>`}`,
    );
  }
  return lines.join("");
}

/** The round time at or above this many ms; the page's script knows the same ones. */
export const roundTimes = [
  500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

const roundStep = (ms: number): number => roundTimes.find((round) => round >= ms) ?? 3_600_000;

const tickText = (ms: number): string => (ms < 120_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`);

/** `1:02.5` or `4.2 s`. */
export function clockText(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = ((ms % 60_000) / 1_000).toFixed(1).padStart(4, "0");
  return `${Math.floor(ms / 60_000)}:${seconds} min`;
}
