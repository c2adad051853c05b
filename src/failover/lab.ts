import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { showDuration } from "../foundation/duration.ts";
import { findCluster, locked, openCluster, type KnownCluster, type World } from "../lifecycle/cluster.ts";
import { patienceWith } from "../lifecycle/access/node-access.ts";
import { clusterStage } from "./stage/cluster-stage.ts";
import { historyFile } from "./history/history-file.ts";
import { allFaults } from "./faults/table.ts";
import { createRecorder, type HistoryEvent } from "./history/history.ts";
import { faultJournal } from "./faults/journal.ts";
import { refuseLeftovers } from "./faults/leftovers.ts";
import { loadScenario, scenarioError } from "./scenario/load.ts";
import { finishedRun, type FinishedRun } from "./report/finished.ts";
import { recoverySpreads, spreadTitle } from "./report/spread.ts";
import { showEvent, textReport } from "./report/text.ts";
import { makeFolder, ownedBy } from "../lifecycle/state/owner.ts";
import { writeReports, type ReportFiles } from "./report/write.ts";
import { play } from "./run.ts";
import type { Scenario } from "./scenario/scenario.ts";
import { slowed } from "./scenario/slowed.ts";
import type { Verdict } from "./verdict.ts";

/** How often a container's own systemd is asked, ms. */
const askEvery = 100;

export interface TestOptions {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  /** Names in DIR/scenarios, or paths of files. */
  readonly scenarios: readonly string[];
  readonly repeat: number;
  /** So many times as long is every time that a scenario waits or allows. */
  readonly slower: number;
  /** For whatever is drawn by lot; each run of `repeat` adds one. */
  readonly seed: number;
  readonly reports: ReportFiles;
  /** A line for the user, as it happens. */
  readonly tell: (line: string) => void;
}

/**
 * Plays scenarios one after the other on a cluster that is up, tells what happens and judges each.
 * @returns the runs; `exitCodeOf` says what the command exits with
 * @throws E_SCENARIO_INVALID before anything is broken, E_LOCKED, E_STATE_CONFLICT when the cluster was never up,
 * E_DISK_FULL when a history could not be written: the reports hold it all the same
 */
export async function runTests(world: World, options: TestOptions): Promise<readonly FinishedRun[]> {
  const known = await findCluster(world, options.dir);
  const nodes = known === undefined ? undefined : Object.keys(known.state.machines);
  const read = await Promise.all(options.scenarios.map((name) => readScenario(options.dir, name, nodes)));
  const scenarios = read.map((scenario) => slowed(scenario, options.slower));
  const finished: FinishedRun[] = [];
  try {
    await locked(world, options.dir, async () => {
      const cluster = await openCluster(world, options.dir);
      if (options.slower === 1 && patienceWith(cluster.provider) > 1) options.tell(slowMachines);
      for (const scenario of scenarios) {
        for (let round = 0; round < options.repeat && !world.signal.aborted; round++) {
          const played = await runOnce(world, cluster, scenario, { ...options, seed: options.seed + round });
          finished.push(played.run);
          if (played.trouble !== undefined) throw played.trouble;
        }
      }
    });
  } finally {
    // What was played is told and reported, whatever kept the rest from it.
    for (const line of spreadLines(finished)) options.tell(line);
    if (finished.length > 0) await writeReports(finished, options.reports, ownedBy(world.owner));
  }
  return finished;
}

const slowMachines =
  "note: virtual machines need longer than the containers that these times were written for; see --slower";

async function readScenario(
  dir: string,
  name: string,
  nodes: readonly string[] | undefined,
): Promise<Scenario> {
  const path = /[/.]/.test(name) ? name : join(dir, "scenarios", `${name}.yaml`);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new AppError("E_SCENARIO_INVALID", `there is no scenario ${name}`, {
      cause: error,
      details: [`looked for ${path}`],
      hint: "name a file of the cluster's scenarios folder without .yaml, or give a path",
    });
  });
  const loaded = loadScenario(text, path, nodes);
  if (loaded.ok) return loaded.scenario;
  throw scenarioError(loaded.problems);
}

/** @returns also what kept the history from being written, if anything did */
async function runOnce(
  world: World,
  cluster: KnownCluster,
  scenario: Scenario,
  options: TestOptions,
): Promise<{ readonly run: FinishedRun; readonly trouble: unknown }> {
  const sampleEvery = askEvery * patienceWith(cluster.provider);
  const stage = await clusterStage(world, cluster, { sampleEvery, slower: options.slower });
  const stamp = new Date(world.clock.now()).toISOString().replaceAll(/[:.]/g, "-");
  const folder = join(cluster.ref.stateDir, "history");
  await makeFolder(folder, 0o755, world.owner);
  const file = historyFile(join(folder, `${scenario.name}-${stamp}.ndjson`), ownedBy(world.owner));
  const recorder = createRecorder({
    clock: world.clock,
    append: (line) => file.append(line),
    observe: (event) => tellEvent(event, options.tell),
  });
  try {
    await refuseLeftovers(stage, world);
    await play({
      scenario,
      stage,
      faults: allFaults(),
      journal: faultJournal(cluster.ref.stateDir, world.owner),
      recorder,
      clock: world.clock,
      seed: options.seed,
      sampleEvery,
      signal: world.signal,
      hurry: world.hurry(),
    });
  } finally {
    await stage.close();
  }
  const run = finishedRun(recorder.events);
  for (const line of closingLines(recorder.events, run.verdict, file.path)) options.tell(line);
  return { run, trouble: troubleOf(() => file.close()) };
}

function troubleOf(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
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

/** The spread of recovery times, whole and by stages, where there were several. */
function spreadLines(runs: readonly FinishedRun[]): string[] {
  return recoverySpreads(runs).flatMap((group) => {
    const { scenario, spread, stages } = group;
    if (spread.runs < 2) return [];
    const [p50, p95, max] = [spread.p50, spread.p95, spread.max].map(showDuration);
    const medians = Object.entries(stages).map(([name, stage]) => `${name} ${showDuration(stage.p50)}`);
    return [
      `${scenario}: ${spreadTitle(group)}: ${spread.runs} times, p50 ${p50}, p95 ${p95}, max ${max}`,
      `  p50 of each stage: ${medians.join(", ")}`,
    ];
  });
}
