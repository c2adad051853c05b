import { escapeMarkup } from "../escape.ts";
import type { FinishedRun } from "../finished.ts";
import { script } from "./script.ts";
import { overview, runSection } from "./sections.ts";
import { faultColours, style } from "./style.ts";

/**
 * The runs as one HTML file that needs nothing else: for each run a lane per machine and a bar per unit, faults shaded,
 * then its times and what held. Opens anywhere, also in ten years.
 */
export function htmlReport(runs: readonly FinishedRun[]): string {
  const names = [...new Set(runs.map(({ scenario }) => scenario))].join(", ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escapeMarkup(names)} – Flotilla</title>
<style>${style}</style>
</head>
<body>
${patterns}
<h1>${headline(runs)}</h1>
${overview(runs)}
${legend}
${runs.map(runSection).join("\n")}
<footer>Made by Flotilla from the runs' histories. Times are the controller's; a state may have changed up to ${lateBy(runs)} ms before it was seen.</footer>
<div id="tip" role="status"></div>
<script>${script}</script>
</body>
</html>
`;
}

function headline(runs: readonly FinishedRun[]): string {
  const count = (outcome: string): number => runs.filter(({ verdict }) => verdict.outcome === outcome).length;
  const parts = (["pass", "fail", "inconclusive"] as const).flatMap((outcome) =>
    count(outcome) > 0
      ? [`${count(outcome)} ${outcome === "pass" ? "passed" : outcome === "fail" ? "failed" : outcome}`]
      : [],
  );
  return `${runs.length} run${runs.length === 1 ? "" : "s"}: ${parts.join(", ")}`;
}

function lateBy(runs: readonly FinishedRun[]): number {
  return Math.max(
    0,
    ...runs.map(({ events }) => events.find((event) => event.kind === "begin")?.lateBy.sample ?? 0),
  );
}

/** Faults are hatched, each in its own colour. */
const hatches = faultColours
  .map(
    (colour) =>
      `<pattern id="hatch-${colour}" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><g fill="var(--${colour})" fill-opacity=".17"><rect width="8" height="8"/><rect width="3" height="8"/></g></pattern>`,
  )
  .join("\n");

const patterns = `<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
${hatches}
<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="var(--hidden)"/><circle cx="3" cy="3" r="1" fill="var(--soft)" opacity=".5"/></pattern>
</defs></svg>`;

const sample = (kind: string, text: string): string =>
  `<span><svg width="22" height="11"><rect class="${kind}" width="22" height="11" rx="2"/></svg>${text}</span>`;

const legend = `<div class="legend">${[
  sample("unit active u0", "the unit runs"),
  sample("unit activating", "it starts"),
  sample("unit failed", "it failed"),
  sample("fault red", "a fault"),
  sample("hidden", "out of sight"),
  sample("away", "the unit runs nowhere"),
  sample("member", "fleet lists the machine"),
  sample("leads", "its engine leads"),
].join("")}</div>`;
