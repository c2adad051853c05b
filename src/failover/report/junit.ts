import type { FinishedRun } from "./finished.ts";
import { escapeMarkup } from "./escape.ts";
import { textReport } from "./text.ts";

/**
 * The runs as JUnit XML, which CI servers show: one suite a scenario, one case a run. An inconclusive run is an error, not
 * a failure: it says nothing of the cluster.
 */
export function junitReport(runs: readonly FinishedRun[]): string {
  const scenarios = [...new Set(runs.map(({ scenario }) => scenario))];
  const suites = scenarios.map((scenario, index) =>
    suiteOf(
      scenario,
      index,
      runs.filter((run) => run.scenario === scenario),
    ),
  );
  return ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", ...suites, "</testsuites>", ""].join(
    "\n",
  );
}

function suiteOf(scenario: string, id: number, runs: readonly FinishedRun[]): string {
  const begin = runs[0]?.events.find((event) => event.kind === "begin");
  const count = (outcome: string): number => runs.filter(({ verdict }) => verdict.outcome === outcome).length;
  const attributes = attributesOf({
    name: scenario,
    package: "scenarios",
    id: String(id),
    timestamp: (begin?.startedAt ?? "1970-01-01T00:00:00").slice(0, 19),
    hostname: begin?.cluster ?? "unknown",
    tests: String(runs.length),
    failures: String(count("fail")),
    errors: String(count("inconclusive")),
    time: secondsOf(runs.flatMap(({ events }) => events.at(-1)?.at ?? 0).reduce((sum, ms) => sum + ms, 0)),
  });
  const properties = Object.entries({ provider: begin?.provider, "power-cut": begin?.powerCut }).map(
    ([name, value]) => `    <property ${attributesOf({ name, value: value ?? "unknown" })}/>`,
  );
  return [
    `  <testsuite ${attributes}>`,
    "    <properties>",
    ...properties.map((line) => `  ${line}`),
    "    </properties>",
    ...runs.map((run, index) => caseOf(run, index)),
    "    <system-out></system-out>",
    "    <system-err></system-err>",
    "  </testsuite>",
  ].join("\n");
}

function caseOf({ scenario, seed, verdict, events }: FinishedRun, index: number): string {
  const attributes = attributesOf({
    name: `run ${index + 1} (seed ${seed})`,
    classname: `scenarios.${scenario}`,
    time: secondsOf(events.at(-1)?.at ?? 0),
  });
  if (verdict.outcome === "pass") return `    <testcase ${attributes}/>`;
  const element = verdict.outcome === "fail" ? "failure" : "error";
  const about = attributesOf({ message: verdict.reasons[0] ?? verdict.outcome, type: verdict.outcome });
  const text = escapeMarkup(textReport(events, verdict).join("\n"));
  return `    <testcase ${attributes}>\n      <${element} ${about}>${text}</${element}>\n    </testcase>`;
}

const secondsOf = (ms: number): string => (ms / 1_000).toFixed(3);

const attributesOf = (attributes: Readonly<Record<string, string>>): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}="${escapeMarkup(value)}"`)
    .join(" ");
