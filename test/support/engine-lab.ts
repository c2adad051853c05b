import { onTestFinished } from "vitest";
import { createEngine, type Engine } from "../../src/fleet/engine/engine.ts";
import { engineVersion } from "../../src/fleet/engine/version.ts";
import type { Machine } from "../../src/fleet/model.ts";
import {
  createMemoryRegistry,
  type MemoryClient,
  type MemoryRegistry,
} from "../../src/fleet/registry/memory.ts";
import type { Mirror, Session, Term } from "../../src/fleet/registry/registry.ts";
import { type ManualClock, manualClock } from "../../src/foundation/clock.ts";
import { lineLog } from "../../src/foundation/log.ts";
import { aMachine, aUnit } from "./fleet-world.ts";

/** ms */
export const ttl = 4_000;
/** ms */
export const outageGrace = 10_000;
/** ms */
export const returnGrace = 200;

/** One fleetd with an engine but without an agent. It joins again when its session was lost. */
export interface EngineNode {
  readonly id: string;
  readonly client: MemoryClient;
  readonly engine: Engine;
  session(): Session;
  /** Ends its fleetd in good order: it resigns, and its machine's record goes. */
  leave(): Promise<void>;
}

/** What a node may have of its own. */
interface Traits {
  /** Its engine's; the present one unless told. */
  readonly version?: number;
  /** How long the registry takes to write what its engine decides, ms; no time unless told. */
  readonly commitTakes?: number;
}

/** Several engines on one registry in memory. */
export interface EngineLab {
  readonly clock: ManualClock;
  readonly memory: MemoryRegistry;
  readonly node: (id: string, traits?: Traits) => Promise<EngineNode>;
  /** m1, m2 and m3, each with a unit of its own for a minute now: a.service, b.service and c.service. */
  readonly atWork: () => Promise<readonly [EngineNode, EngineNode, EngineNode]>;
  /** What all engines logged. */
  readonly lines: readonly string[];
  /** Which machine each unit is placed on, e.g. `a.service m1`. */
  readonly placed: () => string[];
}

/** An empty one, which ends with the test. */
export function anEngineLab(): EngineLab {
  const clock = manualClock();
  const memory = createMemoryRegistry({ clock });
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  const lines: string[] = [];
  const log = lineLog({ write: (line) => lines.push(line), level: "info", style: "plain" });
  onTestFinished(async () => {
    stop.abort(new Error("the test is over"));
    await clock.advance(0);
    await Promise.all(running);
  });
  const node = async (
    id: string,
    { version = engineVersion, commitTakes = 0 }: Traits = {},
  ): Promise<EngineNode> => {
    const client = memory.client();
    const mirror = await client.follow(stop.signal);
    const engine = createEngine({ clock, log, ttl, outageGrace, returnGrace, version });
    const machine = aMachine(id, { engine: version });
    const life = beginLife({ machine, client, mirror, engine, clock, commitTakes }, stop.signal);
    running.push(life.over);
    await life.joined;
    await clock.advance(1);
    return { id, client, engine, session: life.session, leave: life.leave };
  };
  const placed = (): string[] =>
    [...memory.snapshot.placements.values()].map(({ unit, machineID }) => `${unit} ${machineID}`).sort();
  const atWork = async (): Promise<readonly [EngineNode, EngineNode, EngineNode]> => {
    const nodes = [await node("m1"), await node("m2"), await node("m3")] as const;
    for (const name of ["a.service", "b.service", "c.service"]) await nodes[0].client.putUnit(aUnit(name));
    await clock.advance(60_000);
    return nodes;
  };
  return { clock, memory, node, atWork, placed, lines };
}

/** What a fleetd without an agent consists of. */
interface Parts {
  readonly machine: Machine;
  readonly client: MemoryClient;
  readonly mirror: Mirror;
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly commitTakes: number;
}

interface EngineLife extends Pick<EngineNode, "session" | "leave"> {
  /** It has joined for the first time. */
  readonly joined: Promise<void>;
  readonly over: Promise<void>;
}

/** Joins and runs the engine, again and again, until it leaves or is stopped. */
function beginLife(parts: Parts, stop: AbortSignal): EngineLife {
  const { machine, client, mirror, engine, clock } = parts;
  const leaving = new AbortController();
  const end = AbortSignal.any([stop, leaving.signal]);
  const joined = Promise.withResolvers<void>();
  let session: Session | undefined;
  const live = async (): Promise<void> => {
    while (!end.aborted) {
      session = await join(client, machine, end);
      joined.resolve();
      await engine.run(withSlowCommits(session, parts), mirror, end);
      if (leaving.signal.aborted) await session.end();
      await stillThere(mirror, clock, end);
    }
  };
  const over = live().catch((error: unknown) => {
    if (!end.aborted) throw error;
  });
  return {
    joined: joined.promise,
    over,
    session: () => {
      if (session === undefined) throw new Error(`${machine.id} has not joined`);
      return session;
    },
    leave: async () => {
      leaving.abort(new Error("it leaves"));
      await clock.advance(0);
      await over;
    },
  };
}

function withSlowCommits(session: Session, { clock, commitTakes }: Parts): Session {
  const slowed = (term: Term): Term => {
    const commit: Term["commit"] = async (decisions, signal) => {
      if (commitTakes > 0) await clock.sleep(commitTakes, signal);
      return await term.commit(decisions, signal);
    };
    return Object.create(term, { commit: { value: commit } }) as Term;
  };
  const campaign: Session["campaign"] = async (signal) => slowed(await session.campaign(signal));
  return Object.create(session, { campaign: { value: campaign } }) as Session;
}

async function join(client: MemoryClient, machine: Machine, signal: AbortSignal): Promise<Session> {
  const result = await client.join({ machine, ttl }, signal);
  if (result.kind !== "joined") throw new Error(`${machine.id} is a duplicate`);
  return result.session;
}

/** As fleetd does: without etcd there is nothing to join. */
async function stillThere(mirror: Mirror, clock: ManualClock, signal: AbortSignal): Promise<void> {
  while (!mirror.fresh) await clock.sleep(200, signal);
}
