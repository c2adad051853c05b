import { waitFor, type Clock } from "../foundation/clock.ts";
import { messageOf } from "../foundation/errors.ts";
import { allFaults, type Evidence, type Fault } from "./faults.ts";
import { audit, auditUntilSettled } from "./audit.ts";
import { historyVersion, type Phase, type Recorder } from "./history.ts";
import { observeRegistry } from "./registry-observer.ts";
import { observe, type Observer } from "./observer.ts";
import {
  showProbe,
  showStep,
  unitsOf,
  type FaultName,
  type Probe,
  type Scenario,
  type Step,
} from "./scenario.ts";
import type { Stage } from "./stage.ts";
import { chooseVictims, seededRandom, type Cast } from "./victims.ts";

export interface RunOptions {
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** What the nodes' loops sample at, ms; written into the history. */
  readonly sampleEvery: number;
}

interface Run extends RunOptions {
  readonly observer: Observer;
  readonly random: () => number;
  /** Which machines still have which fault. */
  readonly afflicted: Map<FaultName, Set<string>>;
}

/** How long a line of text from a machine may be under way, ms; part of the bound on observations. */
const wayBound = 50;

/** Between two looks at what the observer knows, ms. */
const lookEvery = 20;

/**
 * Plays a scenario and records everything. Always heals, also when stopped or when something throws; never judges. What
 * keeps it from being played to its end is recorded as trouble.
 */
export async function play(options: RunOptions): Promise<void> {
  const { scenario, stage, recorder, clock } = options;
  const units = unitsOf(scenario);
  recorder.record({
    kind: "begin",
    v: historyVersion,
    scenario: scenario.name,
    about: scenario.about,
    cluster: stage.cluster,
    provider: stage.provider,
    powerCut: stage.capabilities.powerCut,
    seed: options.seed,
    startedAt: new Date(clock.now()).toISOString(),
    nodes: stage.nodes,
    units,
    clock: "controller, monotonic, ms",
    lateBy: { sample: options.sampleEvery + wayBound, registry: wayBound },
    budgets: scenario.budgets,
  });
  const observer = observe({ stage, units, recorder, clock });
  const registry = observeRegistry({ stage, recorder, clock });
  const run: Run = { ...options, observer, random: seededRandom(options.seed), afflicted: new Map() };
  let complete = false;
  try {
    complete = await playPhases(run);
  } catch (error) {
    recorder.record({ kind: "trouble", text: messageOf(error) });
  } finally {
    await healEverything(run);
    await Promise.all([observer.stop(), registry.stop()]);
    recorder.record({ kind: "end", complete });
  }
}

/** True when all was played; false when the cluster was not steady to begin with. */
async function playPhases(run: Run): Promise<boolean> {
  const { scenario, recorder, stage, signal } = run;
  recorder.record({ kind: "phase", phase: "before" });
  await stage.startServices(scenario.services, signal);
  if (!(await steady(run, "before"))) return true;
  await audit(run, "before");
  recorder.record({ kind: "phase", phase: "during" });
  for (const [index, step] of scenario.steps.entries()) {
    recorder.record({ kind: "step", step: index + 1, text: showStep(step) });
    if (!(await playStep(run, step))) return true;
  }
  await healEverything(run);
  recorder.record({ kind: "phase", phase: "after" });
  await steady(run, "after");
  await auditUntilSettled(run, "after");
  return true;
}

async function steady(run: Run, phase: Phase): Promise<boolean> {
  for (const probe of run.scenario.steady) {
    if (!(await check(run, probe, phase))) return false;
  }
  return true;
}

/** False when there is no sense in going on. */
async function playStep(run: Run, step: Step): Promise<boolean> {
  if ("inject" in step) return inject(run, step.inject, await victimsOf(run, step.victims));
  if ("heal" in step) {
    const victims = step.victims === undefined ? [] : await victimsOf(run, step.victims);
    const ill = [...(run.afflicted.get(step.heal) ?? [])];
    return heal(run, step.heal, victims.length > 0 ? victims : ill);
  }
  if ("wait" in step) {
    await run.clock.sleep(step.wait, run.signal);
    return true;
  }
  return check(run, step.assert, "during");
}

async function victimsOf(run: Run, words: string | readonly string[]): Promise<readonly string[]> {
  const leaders = await run.stage.leaders(run.signal);
  const cast: Cast = {
    nodes: run.stage.nodes,
    runs: new Map(unitsOf(run.scenario).map((unit) => [unit, run.observer.activeOn(unit)])),
    etcdLeader: leaders.etcd,
    engineLeader: leaders.engine,
  };
  return chooseVictims(words, cast, run.random);
}

async function inject(run: Run, name: FaultName, victims: readonly string[]): Promise<boolean> {
  const { stage, recorder, clock, signal, observer } = run;
  const fault = allFaults()[name];
  const unsupported = fault.unsupported(stage);
  if (unsupported !== undefined) {
    recorder.record({ kind: "trouble", text: `unsupported: ${unsupported}` });
    return false;
  }
  const about = { kind: "fault" as const, fault: name, id: name, effect: fault.effect, victims };
  recorder.record({ ...about, action: "inject", evidence: "" });
  const ill = run.afflicted.get(name) ?? new Set();
  run.afflicted.set(name, ill);
  for (const victim of victims) ill.add(victim);
  await Promise.all(victims.map((victim) => fault.inject(stage, victim, signal)));
  const evidence = await prove(victims, (victim) => fault.proveActive({ stage, clock, signal }, victim));
  const action = evidence.proved ? "active" : "toothless";
  recorder.record({ ...about, action, evidence: evidence.text });
  for (const victim of victims) observer.forget(victim);
  return evidence.proved;
}

async function heal(run: Run, name: FaultName, victims: readonly string[]): Promise<boolean> {
  if (victims.length === 0) return true;
  const { stage, recorder, clock } = run;
  const fault: Fault = allFaults()[name];
  // Healing goes on when the run is stopped: nothing may be left behind.
  const signal = AbortSignal.timeout(180_000);
  const about = { kind: "fault" as const, fault: name, id: name, effect: fault.effect, victims };
  recorder.record({ ...about, action: "heal", evidence: "" });
  const healed = await Promise.allSettled(victims.map((victim) => fault.heal(stage, victim, signal)));
  const failed = healed.flatMap((result) => (result.status === "rejected" ? [messageOf(result.reason)] : []));
  const evidence =
    failed.length > 0
      ? { proved: false, text: failed.join("; ") }
      : await prove(victims, (victim) => fault.proveGone({ stage, clock, signal }, victim));
  const action = evidence.proved ? "healed" : "stuck";
  recorder.record({ ...about, action, evidence: evidence.text });
  for (const victim of victims) run.afflicted.get(name)?.delete(victim);
  return evidence.proved;
}

async function healEverything(run: Run): Promise<void> {
  for (const [name, ill] of run.afflicted) await heal(run, name, [...ill]);
}

async function prove(
  victims: readonly string[],
  one: (victim: string) => Promise<Evidence>,
): Promise<Evidence> {
  const all = await Promise.all(victims.map(async (victim) => ({ victim, ...(await one(victim)) })));
  const doubtful = all.filter((evidence) => !evidence.proved);
  const shown = doubtful.length > 0 ? doubtful : all;
  const text = shown.map((evidence) => `${evidence.victim}: ${evidence.text}`).join("; ");
  return { proved: doubtful.length === 0, text };
}

/** Waits until the probe is true, and records whether it became so in its time. */
async function check(run: Run, probe: Probe, phase: Phase): Promise<boolean> {
  const { clock, signal, recorder } = run;
  let detail = "";
  const begun = clock.monotonic();
  const ok = await waitFor(
    async () => {
      const seen = "unit" in probe ? unitSeen(run, probe) : await machinesSeen(run, probe);
      detail = seen.detail;
      return seen.ok ? true : undefined;
    },
    { clock, every: lookEvery, within: probe.within, signal },
  );
  const took = `after ${((clock.monotonic() - begun) / 1_000).toFixed(1)} s: ${detail}`;
  recorder.record({ kind: "probe", phase, text: showProbe(probe), ok: ok === true, detail: took });
  return ok === true;
}

interface Seen {
  readonly ok: boolean;
  readonly detail: string;
}

function unitSeen(run: Run, probe: Extract<Probe, { unit: string }>): Seen {
  const on = run.observer.activeOn(probe.unit);
  const where = on.length === 0 ? "nowhere" : `on ${on.join(", ")}`;
  return { ok: on.length === probe.active, detail: `active ${where}` };
}

async function machinesSeen(run: Run, probe: Extract<Probe, { machines: number | "all" }>): Promise<Seen> {
  const { stage, signal } = run;
  const wanted = probe.machines === "all" ? stage.nodes.length : probe.machines;
  const vital = await Promise.all(
    stage.nodes.map(async (node) => ({ node, ...(await stage.vital(node, signal)) })),
  );
  const running = vital.filter((node) => node.running).map(({ node }) => node);
  const seen = await Promise.all(running.map((node) => stage.machinesSeenBy(node, signal)));
  const detail = running.map((node, index) => `${node} sees ${seen[index]?.length ?? "nothing"}`).join(", ");
  return { ok: running.length > 0 && seen.every((machines) => machines?.length === wanted), detail };
}
