import { showDuration } from "../../../foundation/duration.ts";
import type { Recovery } from "../../history/recoveries.ts";
import type { FinishedRun } from "../finished.ts";
import { recoverySpreads, spreadTitle, type Spread } from "../spread.ts";
import { escapeMarkup } from "../escape.ts";
import { showEvent } from "../text.ts";
import { clockText, swimlanes } from "./swimlanes.ts";
import { viewOf } from "./view.ts";

/** More lines of events than this are left to the history: nobody reads them on a page. */
const longestList = 2_500;

const words = { pass: "pass", fail: "fail", inconclusive: "inconclusive" } as const;

/** All runs in a row of links, and the spread of times when there were several. */
export function overview(runs: readonly FinishedRun[]): string {
  const chips = runs.map(
    ({ scenario, verdict }, index) =>
      `<a class="chip ${verdict.outcome}" href="#run-${index + 1}"><b>${escapeMarkup(scenario)}</b> ${words[verdict.outcome]}</a>`,
  );
  return `<nav>${chips.join("\n")}</nav>${spreadTable(runs)}`;
}

function spreadTable(runs: readonly FinishedRun[]): string {
  const spreads = recoverySpreads(runs).filter(({ spread }) => spread.runs > 1);
  if (spreads.length === 0) return "";
  const cells = ({ runs: count, p50, p95, max }: Spread): string =>
    [String(count), ...[p50, p95, max].map(showDuration)].map((text) => `<td>${text}</td>`).join("");
  const rows = spreads.flatMap((group) => [
    `<tr class="whole"><th>${escapeMarkup(`${group.scenario}: ${spreadTitle(group)}`)}</th>${cells(group.spread)}</tr>`,
    ...Object.entries(group.stages).map(
      ([name, stage]) => `<tr><th class="part">${name}</th>${cells(stage)}</tr>`,
    ),
  ]);
  const head = "<tr><th></th><th>times</th><th>p50</th><th>p95</th><th>longest</th></tr>";
  return `<section><h2>Recovery times</h2><table class="spread"><thead>${head}</thead><tbody>${rows.join("")}</tbody></table></section>`;
}

/** One run: verdict, drawing, recoveries, invariants, events. */
export function runSection(run: FinishedRun, index: number): string {
  const { verdict, events, scenario, seed } = run;
  const begin = events.find((event) => event.kind === "begin");
  const facts = [
    begin === undefined ? "" : `${begin.nodes.length} machines of ${begin.cluster} (${begin.provider})`,
    begin === undefined ? "" : powerCutText(begin.powerCut),
    `seed ${seed}`,
    begin?.startedAt.replace("T", " ").slice(0, 19) ?? "",
    `lasted ${clockText(events.at(-1)?.at ?? 0)}`,
  ].filter((text) => text !== "");
  const reasons = verdict.reasons.map((reason) => `<li>${escapeMarkup(reason)}</li>`).join("");
  return [
    `<section class="run" id="run-${index + 1}"><header><h2>${escapeMarkup(scenario)}</h2>`,
    `<span class="verdict ${verdict.outcome}">${words[verdict.outcome]}</span></header>`,
    begin?.about === undefined || begin.about === ""
      ? ""
      : `<p class="about">${escapeMarkup(begin.about)}</p>`,
    `<p class="facts">${facts.map(escapeMarkup).join(" · ")}</p>`,
    reasons === "" ? "" : `<ul class="reasons">${reasons}</ul>`,
    `<div class="zoom" hidden><button data-zoom="0.5" aria-label="zoom out">−</button><button data-zoom="2" aria-label="zoom in">+</button><button data-zoom="0">whole run</button></div>`,
    swimlanes(viewOf(events)),
    recoveries(run),
    invariants(run),
    eventList(run),
    "</section>",
  ].join("\n");
}

/** What kind of power cut it was. */
const powerCutText = (powerCut: string): string =>
  powerCut === "guest"
    ? "a power cut ends the virtual machine"
    : "a power cut ends the node's processes; its disk cache lives on in the host";

function recoveries({ verdict }: FinishedRun): string {
  const all = verdict.units.flatMap(({ unit, recoveries }) =>
    recoveries.map((recovery) => ({ unit, recovery })),
  );
  if (all.length === 0) return "";
  const longest = Math.max(...all.map(({ recovery }) => totalOf(recovery)));
  const rows = all.slice(0, 200).map(({ unit, recovery }) => recoveryRow(unit, recovery, longest));
  return `<h3>Lost and back</h3><table class="recoveries"><tbody>${rows.join("\n")}</tbody></table>`;
}

const totalOf = ({ took, stages }: Recovery): number =>
  Math.max(
    took ?? 0,
    stages.reduce((sum, stage) => sum + (stage.took ?? 0), 0),
    1,
  );

function recoveryRow(unit: string, recovery: Recovery, longest: number): string {
  const share = (ms: number): string => `${((100 * ms) / longest).toFixed(2)}%`;
  const stages = recovery.stages.filter(({ took }) => (took ?? 0) > 0);
  const bars = stages.map(({ name, took = 0 }) => {
    const text = `${name} ${showDuration(took)}`;
    return `<i class="stage ${name}" style="width:${share(took)}" title="${text}"></i>`;
  });
  const legend = recovery.stages
    .filter(({ name, took }) => took !== undefined || name !== "ready")
    .map(({ name, took }) => {
      const time = took === undefined ? "not seen" : showDuration(took);
      return `<span><i class="stage ${name}"></i>${name} <b>${time}</b></span>`;
    });
  const took =
    recovery.took === undefined
      ? "never"
      : `${showDuration(recovery.took)}<small>${kindText(recovery)}</small>`;
  const way = `${recovery.from} → ${recovery.to ?? "nowhere"}`;
  const cause = `${recovery.fault} at ${clockText(recovery.at)}`;
  return (
    `<tr><th>${escapeMarkup(unit)}<small>${escapeMarkup(way)}</small><small>${escapeMarkup(cause)}</small></th>` +
    `<td class="took">${took}</td><td class="bar"><div>${bars.join("")}</div><p>${legend.join("")}</p></td></tr>`
  );
}

/** What the time was: until it ran again, or until it ran twice. */
function kindText({ kind, took = 0, away = 0, both }: Recovery): string {
  if (kind === "second-copy") return `until a second copy ran; both for ${showDuration(both)}`;
  return took === away ? "away" : `until back, away ${showDuration(away)}`;
}

const marks = { pass: "✓", fail: "✗", unobserved: "–" } as const;

function invariants({ verdict }: FinishedRun): string {
  const rows = verdict.invariants.map(({ about, outcome, findings }) => {
    const found = findings.map(({ text, at }) => `<li>${escapeMarkup(text)}, at ${clockText(at)}</li>`);
    const why = outcome === "unobserved" ? "<li>the history does not show enough to tell</li>" : "";
    return `<tr class="${outcome}"><td class="mark">${marks[outcome]}</td><td>${escapeMarkup(about)}<ul>${found.slice(0, 50).join("")}${why}</ul></td></tr>`;
  });
  return `<h3>What must always hold</h3><table class="invariants"><tbody>${rows.join("\n")}</tbody></table>`;
}

function eventList({ events }: FinishedRun): string {
  const lines = events.flatMap((event) => showEvent(event) ?? []);
  const shown = lines.slice(0, longestList);
  const more =
    lines.length > shown.length ? `\n… and ${lines.length - shown.length} more in the history` : "";
  return `<details><summary>${lines.length} events</summary><pre>${escapeMarkup(shown.join("\n") + more)}</pre></details>`;
}
