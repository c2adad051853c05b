import { appendFileSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, exitCodes } from "../foundation/errors.ts";
import { writeAtomically } from "../foundation/files.ts";
import { showDuration } from "../foundation/duration.ts";
import { locked, openCluster, type KnownCluster, type World } from "../lifecycle/cluster.ts";
import { clusterStage } from "./cluster-stage.ts";
import { createRecorder, type HistoryEvent } from "./history.ts";
import { loadScenario, scenarioError } from "./load.ts";
import { jsonReport, recoveryTimes, showEvent, spreadOf, textReport, type FinishedRun } from "./report.ts";
import { play } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { judge, type Verdict } from "./verdict.ts";

/** How often the nodes' own systemd is asked, ms. */
const sampleEvery = 100;

export interface TestOptions {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  /** Names in DIR/scenarios, or paths of files. */
  readonly scenarios: readonly string[];
  readonly repeat: number;
  /** For whatever is drawn by lot; each run of `repeat` adds one. */
  readonly seed: number;
  readonly reportJson: string | undefined;
  /** A line for the user, as it happens. */
  readonly tell: (line: string) => void;
}

/**
 * Plays scenarios one after the other on a cluster that is up, tells what happens and judges each.
 * @returns the runs; `exitCodeOf` says what the command exits with
 * @throws E_SCENARIO_INVALID before anything is broken, E_LOCKED, E_STATE_CONFLICT when the cluster is not up
 */
export async function runTests(world: World, options: TestOptions): Promise<readonly FinishedRun[]> {
  const scenarios = await Promise.all(options.scenarios.map((name) => readScenario(options.dir, name)));
  const runs = await locked(world, options.dir, async () => {
    const cluster = await openCluster(world, options.dir);
    const finished: FinishedRun[] = [];
    for (const scenario of scenarios) {
      for (let round = 0; round < options.repeat && !world.signal.aborted; round++) {
        finished.push(await runOnce(world, cluster, scenario, { ...options, seed: options.seed + round }));
      }
    }
    return finished;
  });
  for (const line of spreadLines(runs)) options.tell(line);
  if (options.reportJson !== undefined) {
    await writeAtomically(options.reportJson, `${JSON.stringify(jsonReport(runs), null, 2)}\n`);
  }
  return runs;
}

/** 0 when all passed, 8 when one was inconclusive and none failed, else 1. */
export function exitCodeOf(runs: readonly FinishedRun[]): number {
  const outcomes = runs.map((run) => run.verdict.outcome);
  if (outcomes.includes("fail")) return exitCodes.false;
  return outcomes.includes("inconclusive") ? exitCodes.inconclusive : exitCodes.ok;
}

async function readScenario(dir: string, name: string): Promise<Scenario> {
  const path = /[/.]/.test(name) ? name : join(dir, "scenarios", `${name}.yaml`);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new AppError("E_SCENARIO_INVALID", `there is no scenario ${name}`, {
      cause: error,
      details: [`looked for ${path}`],
      hint: "name a file of the cluster's scenarios folder without .yaml, or give a path",
    });
  });
  const loaded = loadScenario(text, path);
  if (loaded.ok) return loaded.scenario;
  throw scenarioError(loaded.problems);
}

async function runOnce(
  world: World,
  cluster: KnownCluster,
  scenario: Scenario,
  options: TestOptions,
): Promise<FinishedRun> {
  const stage = await clusterStage(world, cluster, sampleEvery);
  const stamp = new Date(world.clock.now()).toISOString().replaceAll(/[:.]/g, "-");
  const folder = join(cluster.ref.stateDir, "history");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${scenario.name}-${stamp}.ndjson`);
  const recorder = createRecorder({
    clock: world.clock,
    append: (line) => appendFileSync(path, line),
    observe: (event) => tellEvent(event, options.tell),
  });
  try {
    await play({
      scenario,
      stage,
      recorder,
      clock: world.clock,
      seed: options.seed,
      sampleEvery,
      signal: world.signal,
    });
  } finally {
    await stage.close();
  }
  const verdict = judge(recorder.events);
  for (const line of closingLines(recorder.events, verdict, path)) options.tell(line);
  return { scenario: scenario.name, seed: options.seed, verdict, events: recorder.events };
}

function tellEvent(event: HistoryEvent, tell: (line: string) => void): void {
  const line = showEvent(event);
  if (line !== undefined) tell(line);
}

/** What comes after the timeline, which the user has seen as it happened. */
function closingLines(events: readonly HistoryEvent[], verdict: Verdict, path: string): string[] {
  const all = textReport(events, verdict);
  return [...all.slice(all.indexOf("")), `history: ${path}`, ""];
}

/** One line per unit with the spread of its recovery times, when there were several. */
function spreadLines(runs: readonly FinishedRun[]): string[] {
  const units = [...new Set(runs.flatMap((run) => run.verdict.units.map(({ unit }) => unit)))];
  return units.flatMap((unit) => {
    const spread = spreadOf(recoveryTimes(runs, unit));
    if (spread === undefined || spread.runs < 2) return [];
    const [p50, p95, max] = [spread.p50, spread.p95, spread.max].map(showDuration);
    return [`${unit}: ${spread.runs} recoveries, p50 ${p50}, p95 ${p95}, max ${max}`];
  });
}
