import { manualClock, type ManualClock } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createAgent, publishedBy, type Agent } from "../../src/fleet/agent/agent.ts";
import type { DesiredState, UnitOption, UnitState } from "../../src/fleet/model.ts";
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

/** One agent between the twins of systemd and the registry, and an engine that does what the test says. */
export interface AgentStage {
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
  submit(name: string, content: string, desired: DesiredState): Promise<void>;
  place(name: string, machineID?: string): Promise<void>;
  /** In one decision. */
  placeTogether(...names: string[]): Promise<void>;
  release(name: string): Promise<void>;
  /** submit and place here. */
  run(name: string, content: string, desired: DesiredState): Promise<void>;
  published(name: string): UnitState | undefined;
  active(name: string): Promise<string>;
  close(): void;
}

export async function agentStage(): Promise<AgentStage> {
  const clock = manualClock();
  const registry = createMemoryRegistry({ clock });
  const [boss, client] = [registry.client(), registry.client()];
  let stop = new AbortController();
  const join = async (by: MemoryClient, machine: typeof me, leaseId?: string): Promise<Session> => {
    const resume = leaseId === undefined ? {} : { resume: { leaseId } };
    const result = await by.join({ machine, ttl, ...resume }, new AbortController().signal);
    if (result.kind !== "joined") throw new Error("not joined");
    return result.session;
  };
  const leader = await join(boss, aMachine("b".repeat(32), { nonce: "boss" }));
  const term: Term = await leader.campaign(new AbortController().signal);
  let mirror: Mirror = await client.follow(stop.signal);
  const serve = async (resumed: boolean): Promise<void> => {
    void stage.agent.serve(stage.session, mirror, { resumed, signal: stop.signal });
    await settle();
  };
  const systemd = createMemorySystemd({ clock });
  const stage: AgentStage = {
    clock,
    registry,
    boss,
    client,
    systemd,
    session: leader,
    agent: createAgent({ machine: me, systemd, clock, log: silentLog(), signal: stop.signal }),
    begin: async (leaseId) => {
      const { signal } = stop;
      stage.agent = createAgent({ machine: me, systemd: stage.systemd, clock, log: silentLog(), signal });
      await stage.agent.begin(publishedBy(me.id, mirror.snapshot));
      stage.session = await join(client, me, leaseId);
      await serve(leaseId !== undefined);
    },
    rejoin: async () => {
      stage.session = await join(client, me);
      await serve(false);
    },
    die: async () => {
      stop.abort(new Error("fleetd was killed"));
      await settle();
      stop = new AbortController();
      mirror = await client.follow(stop.signal);
    },
    submit: async (name, content, desired) => {
      await boss.putUnit({ name, options: optionsOf(content), desired });
      await settle();
    },
    place: async (name, machineID = me.id) => {
      await term.commit([{ kind: "place", placement: { unit: name, machineID, reason: "test" } }]);
      await settle();
    },
    placeTogether: async (...names) => {
      const placed = names.map((unit) => ({ unit, machineID: me.id, reason: "test" }));
      await term.commit(placed.map((placement) => ({ kind: "place", placement })));
      await settle();
    },
    release: async (name) => {
      await term.commit([{ kind: "release", unit: name, from: me.id, reason: "gone" }]);
      await settle();
    },
    run: async (name, content, desired) => {
      await stage.submit(name, content, desired);
      await stage.place(name);
    },
    published: (name) => registry.snapshot.states.get(name)?.get(me.id),
    active: async (name) => (await stage.systemd.status(name)).active,
    close: () => stop.abort(new Error("the test is over")),
  };
  return stage;
}
