import type { Clock } from "../foundation/clock.ts";
import { audit, auditUntilSettled } from "./observe/audit.ts";
import { messageOf } from "../foundation/errors.ts";
import { allFaults, type Faults } from "./faults/table.ts";
import { historyVersion, type Phase, type Recorder } from "./history/history.ts";
import { optionsOf, type Inject } from "./scenario/inject.ts";
import { memoryJournal, type FaultJournal } from "./faults/journal.ts";
import { observe, type Observer } from "./observe/observer.ts";
import { createOutages, newInjection, type Outages } from "./faults/outage.ts";
import { showProbe, type Probe } from "./scenario/probe.ts";
import { observeRegistry } from "./observe/registry-observer.ts";
import { becomesTrue, type ProbingOptions } from "./observe/probing.ts";
import { showStep, unitsOf, type Scenario, type Soak, type Step } from "./scenario/scenario.ts";
import type { Stage } from "./stage/stage.ts";
import { chooseVictims, seededRandom, type Cast } from "./scenario/victims.ts";
import { watchProbes } from "./observe/watch.ts";

export interface RunOptions {
  readonly scenario: Scenario;
  readonly stage: Stage;
  /** All by default. */
  readonly faults?: Faults;
  /** Where it is written down what has to be mended; nowhere that lasts by default. */
  readonly journal?: FaultJournal;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly seed: number;
  /** Ends the run in good order: what is broken is mended. */
  readonly signal: AbortSignal;
  /** Mends without waiting for proofs. */
  readonly hurry?: AbortSignal;
  /** What the nodes' loops sample at, ms; written into the history. */
  readonly sampleEvery: number;
}

/** How long a line of text from a machine may be under way, ms; part of the bound on observations. */
const wayBound = 50;

interface Run extends RunOptions {
  readonly observer: Observer;
  readonly outages: Outages;
  readonly probing: ProbingOptions;
  readonly random: () => number;
}

/**
 * Plays a scenario and records everything. Always heals, also when stopped or when something throws; never judges. What
 * keeps it from being played to its end is recorded as trouble.
 */
export async function play(options: RunOptions): Promise<void> {
  const { recorder } = options;
  recordBegin(options);
  const run = createRun(options);
  const registry = observeRegistry(options);
  let complete = false;
  try {
    complete = await playPhases(run);
  } catch (error) {
    recorder.record({ kind: "trouble", text: messageOf(error) });
  } finally {
    await healEverything(run);
    await Promise.all([run.observer.stop(), registry.stop()]);
    recorder.record({ kind: "end", complete });
  }
}

function recordBegin({ scenario, stage, recorder, clock, seed, sampleEvery }: RunOptions): void {
  const way = wayBound * stage.patience;
  recorder.record({
    kind: "begin",
    v: historyVersion,
    scenario: scenario.name,
    about: scenario.about,
    cluster: stage.cluster,
    provider: stage.provider,
    ...(stage.patience === 1 ? {} : { patience: stage.patience }),
    powerCut: stage.capabilities.powerCut,
    seed,
    startedAt: new Date(clock.now()).toISOString(),
    nodes: stage.nodes,
    units: unitsOf(scenario),
    clock: "controller, monotonic, ms",
    lateBy: { sample: sampleEvery + way, registry: way },
    budgets: scenario.budgets,
  });
}

function createRun(options: RunOptions): Run {
  const { scenario, stage, recorder, clock, signal } = options;
  const units = unitsOf(scenario);
  const observer = observe({ stage, units, recorder, clock });
  const random = seededRandom(options.seed);
  const choose = async (words: string | readonly string[]): Promise<readonly string[]> =>
    chooseVictims(words, await castOf(options, observer, words), random);
  const outages = createOutages({
    ...options,
    faults: options.faults ?? allFaults(),
    journal: options.journal ?? memoryJournal(),
    hurry: options.hurry ?? new AbortController().signal,
    record: (event) => recorder.record(event),
    onSettled: ({ effect }, victims) => {
      if (effect === "off" || effect === "frozen") victims.forEach((victim) => observer.forget(victim));
    },
  });
  return { ...options, observer, outages, random, probing: { stage, observer, clock, signal, choose } };
}

/** True when all was played; false when the run was cut short. */
async function playPhases(run: Run): Promise<boolean> {
  const { scenario, recorder, stage, signal } = run;
  recorder.record({ kind: "phase", phase: "before" });
  if (!(await anyRuns(run))) return true;
  await stage.startServices(scenario.services, signal);
  if (!(await steady(run, "before"))) return true;
  await audit(run, "before");
  recorder.record({ kind: "phase", phase: "during" });
  const watch = watchProbes(run.probing, scenario.steady, recorder);
  try {
    for (const [index, step] of scenario.steps.entries()) {
      recorder.record({ kind: "step", step: index + 1, text: showStep(step) });
      if (!(await playStep(run, step))) return true;
    }
    await healEverything(run);
  } finally {
    await watch.stop();
  }
  recorder.record({ kind: "phase", phase: "after" });
  await steady(run, "after");
  await auditUntilSettled(run, "after");
  return true;
}

/** Of a cluster that is down, or of which nothing is left, there is nothing to be awaited. */
async function anyRuns({ stage, signal, recorder }: Run): Promise<boolean> {
  const vital = await Promise.all(stage.nodes.map((node) => stage.vital(node, signal)));
  if (vital.some(({ running }) => running)) return true;
  recorder.record({ kind: "trouble", text: "no machine of the cluster runs: 'cluster up' starts them" });
  return false;
}

async function steady(run: Run, phase: Phase): Promise<boolean> {
  for (const probe of run.scenario.steady) {
    if (!(await check(run, probe, phase))) return false;
  }
  return true;
}

/** False when there is no sense in going on. */
async function playStep(run: Run, step: Step): Promise<boolean> {
  if ("inject" in step) return await inject(run, step);
  if ("heal" in step) {
    const victims = step.victims === undefined ? undefined : await run.probing.choose(step.victims);
    const meant = run.outages.open.filter(({ fault }) => fault === step.heal);
    for (const injection of meant) {
      if (!(await run.outages.heal(injection, victims))) return false;
    }
    return true;
  }
  if ("wait" in step) {
    await run.clock.sleep(step.wait, run.signal);
    return true;
  }
  if ("soak" in step) return await soak(run, step);
  return await playAction(run, step);
}

async function playAction(
  run: Run,
  step: Extract<Step, { start: unknown } | { stop: unknown } | { reboot: unknown } | { assert: unknown }>,
): Promise<boolean> {
  if ("start" in step) await run.stage.startServices([step.start].flat(), run.signal);
  else if ("stop" in step) await run.stage.stopServices([step.stop].flat(), run.signal);
  else if ("reboot" in step) {
    const asked = { inject: "reboot" as const, victims: step.reboot };
    return (await inject(run, asked)) && (await healEverything(run, "reboot"));
  } else return await check(run, step.assert, "during");
  return true;
}

async function inject(run: Run, asked: Inject): Promise<boolean> {
  const victims = await run.probing.choose(asked.victims);
  const rest = { victims, options: optionsOf(asked), ttl: asked.ttl, at: run.clock.now() };
  return await run.outages.inject(newInjection(asked.inject, rest, run.random));
}

/** Faults drawn by lot until the time is over; after each, all is mended and must be steady again. */
async function soak(run: Run, step: Soak): Promise<boolean> {
  const until = run.clock.monotonic() + step.soak;
  while (run.clock.monotonic() < until) {
    const drawn = step.faults[Math.floor(run.random() * step.faults.length)];
    if (drawn === undefined) return false;
    if (!(await inject(run, { ...drawn, victims: drawn.victims ?? step.victims }))) return false;
    await run.clock.sleep(step.each, run.signal);
    if (!(await healEverything(run))) return false;
    if (!(await steady(run, "during"))) return false;
    await run.clock.sleep(step.rest, run.signal);
  }
  return true;
}

/** Mends what is open (of that fault, or all), the last first. */
async function healEverything({ outages, recorder }: Run, fault?: string): Promise<boolean> {
  let all = true;
  for (const injection of outages.open.toReversed()) {
    if (fault !== undefined && injection.fault !== fault) continue;
    try {
      all = (await outages.heal(injection)) && all;
    } catch (error) {
      // The others are to be mended all the same.
      recorder.record({ kind: "trouble", text: `${injection.id} is not healed: ${messageOf(error)}` });
      all = false;
    }
  }
  return all;
}

/** Who leads is asked only when it matters. */
async function castOf(
  { stage, scenario, signal }: RunOptions,
  observer: Observer,
  words: string | readonly string[],
): Promise<Cast> {
  const asksForLeader = [words].flat().some((word) => word.endsWith(" leader"));
  const leaders = asksForLeader ? await stage.leaders(signal) : undefined;
  return {
    nodes: stage.nodes,
    runs: new Map(unitsOf(scenario).map((unit) => [unit, observer.activeOn(unit)])),
    etcdLeader: leaders?.etcd,
    engineLeader: leaders?.engine,
  };
}

/** Waits until the probe is true, and records whether it became so in its time. */
async function check(run: Run, probe: Probe, phase: Phase): Promise<boolean> {
  const { ok, detail } = await becomesTrue(run.probing, probe);
  run.recorder.record({ kind: "probe", phase, text: showProbe(probe), ok, detail });
  return ok;
}
