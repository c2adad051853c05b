import { manualClock, type ManualClock } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createAgent, publishedBy, type Agent } from "../../src/fleet/agent/agent.ts";
import type { Decision, DesiredState, Machine, UnitOption, UnitState } from "../../src/fleet/model.ts";
import {
  createMemoryRegistry,
  type MemoryClient,
  type MemoryRegistry,
} from "../../src/fleet/registry/memory.ts";
import type { Mirror, Session, Term } from "../../src/fleet/registry/registry.ts";
import { createMemorySystemd, type MemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { parseUnitFile } from "../../src/fleet/unit/parse.ts";
import { hashUnit } from "../../src/fleet/unit/serialize.ts";
import { aMachine } from "./fleet-world.ts";

export const me = aMachine("1".repeat(32), { metadata: { region: "local" } });
const ttl = 4_000;

/** The options of a unit file that is known to parse. */
export function optionsOf(content: string): readonly UnitOption[] {
  const parsed = parseUnitFile(content);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.options;
}

export function hashOf(content: string): string {
  return hashUnit(optionsOf(content));
}

/** Lets everything that can happen without time happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a test has an engine decide, and what it submits. */
interface Orders {
  submit(name: string, content: string, desired: DesiredState): Promise<void>;
  place(name: string, machineID?: string): Promise<void>;
  /** In one decision. */
  placeTogether(...names: string[]): Promise<void>;
  release(name: string): Promise<void>;
  /** submit and place here. */
  run(name: string, content: string, desired: DesiredState): Promise<void>;
}

/** One agent between the twins of systemd and the registry, and an engine that does what the test says. */
export interface AgentStage extends Orders {
  readonly clock: ManualClock;
  readonly registry: MemoryRegistry;
  readonly boss: MemoryClient;
  readonly client: MemoryClient;
  systemd: MemorySystemd;
  /** Of the agent; there after `begin`. */
  session: Session;
  agent: Agent;
  /** A new agent looks at what is there, joins (or resumes this lease) and serves. */
  begin(leaseId?: string): Promise<void>;
  /** The agent's session was lost; it joins and serves again. */
  rejoin(): Promise<void>;
  /** fleetd is killed: its agent does nothing more. */
  die(): Promise<void>;
  published(name: string): UnitState | undefined;
  active(name: string): Promise<string>;
  close(): void;
}

export async function agentStage(): Promise<AgentStage> {
  const clock = manualClock();
  const registry = createMemoryRegistry({ clock });
  const [boss, client] = [registry.client(), registry.client()];
  let stop = new AbortController();
  const leader = await join(boss, aMachine("b".repeat(32), { nonce: "boss" }));
  const term = await leader.campaign(new AbortController().signal);
  let mirror: Mirror = await client.follow(stop.signal);
  const systemd = createMemorySystemd({ clock });
  const start = (on: MemorySystemd): Agent =>
    createAgent({ machine: me, systemd: on, clock, log: silentLog(), signal: stop.signal });
  const serve = async (leaseId?: string): Promise<void> => {
    stage.session = await join(client, me, leaseId);
    const resumed = leaseId !== undefined;
    void stage.agent.serve(stage.session, mirror, { resumed, signal: stop.signal });
    await settle();
  };
  const stage: AgentStage = {
    clock,
    registry,
    boss,
    client,
    systemd,
    session: leader,
    agent: start(systemd),
    ...ordersBy(boss, term),
    begin: async (leaseId) => {
      stage.agent = start(stage.systemd);
      await stage.agent.begin(publishedBy(me.id, mirror.snapshot));
      await serve(leaseId);
    },
    rejoin: () => serve(),
    die: async () => {
      stop.abort(new Error("fleetd was killed"));
      await settle();
      stop = new AbortController();
      mirror = await client.follow(stop.signal);
    },
    published: (name) => registry.snapshot.states.get(name)?.get(me.id),
    active: async (name) => (await stage.systemd.status(name)).active,
    close: () => stop.abort(new Error("the test is over")),
  };
  return stage;
}

async function join(client: MemoryClient, machine: Machine, leaseId?: string): Promise<Session> {
  const resume = leaseId === undefined ? {} : { resume: { leaseId } };
  const result = await client.join({ machine, ttl, ...resume }, new AbortController().signal);
  if (result.kind !== "joined") throw new Error("not joined");
  return result.session;
}

/** @param term of the engine that leads */
function ordersBy(client: MemoryClient, term: Term): Orders {
  const commit = async (...decisions: Decision[]): Promise<void> => {
    await term.commit(decisions);
    await settle();
  };
  const placed = (unit: string, machineID = me.id): Decision => ({
    kind: "place",
    placement: { unit, machineID, reason: "test" },
  });
  const submit: Orders["submit"] = async (name, content, desired) => {
    await client.putUnit({ name, options: optionsOf(content), desired });
    await settle();
  };
  return {
    submit,
    place: (name, machineID) => commit(placed(name, machineID)),
    placeTogether: (...names) => commit(...names.map((name) => placed(name))),
    release: (name) => commit({ kind: "release", unit: name, from: me.id, reason: "gone" }),
    run: async (name, content, desired) => {
      await submit(name, content, desired);
      await commit(placed(name));
    },
  };
}
