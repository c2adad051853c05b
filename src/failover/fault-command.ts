import { AppError, exitCodes } from "../foundation/errors.ts";
import { shellQuote } from "../foundation/exec.ts";
import { locked, openCluster, type KnownCluster, type World } from "../lifecycle/cluster.ts";
import { clusterStage } from "./stage/cluster-stage.ts";
import { allFaults } from "./faults/table.ts";
import type { HistoryEvent, WithoutTime } from "./history/history.ts";
import { injectSchema, optionsOf } from "./scenario/inject.ts";
import { faultJournal } from "./faults/journal.ts";
import { findLeftovers, openInjections, type Leftover } from "./faults/leftovers.ts";
import { createOutages, newInjection, type Outages } from "./faults/outage.ts";
import type { Stage } from "./stage/stage.ts";
import { runsUnit } from "./scenario/scenario.ts";
import { chooseVictims, seededRandom, type Cast } from "./scenario/victims.ts";

/** How long a machine may take to say whether a unit runs there, ms. */
const askWithin = 5_000;

/** The commands `cluster fault inject|list|heal`: single faults, by hand. */
export interface FaultRequest {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  /** A line for the user, as it happens. */
  readonly tell: (line: string) => void;
}

/**
 * Breaks machines now, and leaves them so until `heal` or until the fault's time is over.
 * @param asked as a step of a scenario: `{inject, victims, …}`
 * @returns 0 when it was seen to bite, 8 when not
 * @throws E_USAGE for what is no fault
 */
export async function injectFault(world: World, request: FaultRequest, asked: object): Promise<number> {
  const parsed = injectSchema.safeParse(asked);
  if (!parsed.success) {
    throw new AppError("E_USAGE", "this is no fault that can be injected", {
      details: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`),
      hint: "docs/scenarios.md lists the faults and what each needs",
    });
  }
  return await withOutages(world, request, async ({ stage, outages, logged }) => {
    const { inject, victims: words, ttl } = parsed.data;
    const random = seededRandom(logged.clock.now());
    const victims = chooseVictims(words, await castNow(stage, words, logged.signal), random);
    const rest = { victims, options: optionsOf(parsed.data), ttl, at: logged.clock.now() };
    const injection = newInjection(inject, rest, random);
    const bites = await outages.inject(injection);
    if (bites) request.tell(`${injection.id} is active, for ${injection.ttl / 1_000} s at most`);
    return bites ? exitCodes.ok : exitCodes.inconclusive;
  });
}

/** Who leads, and where the units run that the words speak of, asked of the machines themselves. */
async function castNow(stage: Stage, words: string | readonly string[], signal: AbortSignal): Promise<Cast> {
  const units = [words].flat().flatMap((word) => runsUnit(word) ?? []);
  const runs = units.map(async (unit) => {
    const script = `systemctl is-active --quiet ${shellQuote(unit)}`;
    const answers = await Promise.all(
      stage.nodes.map((node) => stage.run(node, script, { within: askWithin, signal })),
    );
    return [unit, stage.nodes.filter((_, index) => answers[index]?.code === 0)] as const;
  });
  const [leaders, ...found] = await Promise.all([stage.leaders(signal), ...runs]);
  return {
    nodes: stage.nodes,
    runs: new Map(found),
    etcdLeader: leaders.etcd,
    engineLeader: leaders.engine,
  };
}

/** What is broken right now; changes nothing. */
export async function listFaults(
  world: World,
  { dir }: Pick<FaultRequest, "dir">,
): Promise<readonly Leftover[]> {
  const cluster = await openCluster(world, dir);
  const stage = await clusterStage(world, cluster, { sampleEvery: 100 });
  try {
    return await findLeftovers(stage, world.clock, world.signal);
  } finally {
    await stage.close();
  }
}

/**
 * Mends what is broken, whoever broke it: these injections, or all.
 * @returns 0 when all is mended, 1 when something could not be
 */
export async function healFaults(
  world: World,
  request: FaultRequest,
  ids: readonly string[],
): Promise<number> {
  return await withOutages(world, request, async ({ stage, outages, cluster, logged }) => {
    const journal = faultJournal(cluster.ref.stateDir, world.owner);
    const all = await openInjections(journal, await findLeftovers(stage, logged.clock, logged.signal));
    const unknown = ids.filter((id) => !all.some((injection) => injection.id === id));
    if (unknown.length > 0) {
      throw new AppError("E_USAGE", `there is no fault ${unknown.join(", ")} to heal`, {
        hint: "'cluster fault list' shows what there is",
      });
    }
    let healed = true;
    for (const injection of all.filter(({ id }) => ids.length === 0 || ids.includes(id)).toReversed()) {
      healed = (await outages.heal(injection)) && healed;
    }
    if (all.length === 0) request.tell("there was nothing to heal");
    return healed ? exitCodes.ok : exitCodes.false;
  });
}

interface Tools {
  readonly stage: Stage;
  readonly outages: Outages;
  readonly cluster: KnownCluster;
  readonly logged: World;
}

async function withOutages(
  world: World,
  { dir, tell }: FaultRequest,
  work: (tools: Tools) => Promise<number>,
): Promise<number> {
  return await locked(world, dir, async (logged) => {
    const cluster = await openCluster(logged, dir);
    const stage = await clusterStage(logged, cluster, { sampleEvery: 100 });
    const outages = createOutages({
      stage,
      faults: allFaults(),
      journal: faultJournal(cluster.ref.stateDir, world.owner),
      clock: logged.clock,
      signal: logged.signal,
      hurry: logged.hurry(),
      record: (event) => tellEvent(event, tell),
    });
    try {
      return await work({ stage, outages, cluster, logged });
    } finally {
      await stage.close();
    }
  });
}

function tellEvent(event: WithoutTime<HistoryEvent>, tell: (line: string) => void): void {
  if (event.kind === "trouble") tell(`! ${event.text}`);
  if (event.kind !== "fault") return;
  const words = {
    inject: "⚡",
    active: "  proved:",
    toothless: "  no proof:",
    heal: "+ healing",
    healed: "  proved:",
    stuck: "  not healed:",
  };
  const told = event.action === "inject" || event.action === "heal";
  tell(`${words[event.action]} ${told ? `${event.fault} on ${event.victims.join(", ")}` : event.evidence}`);
}
