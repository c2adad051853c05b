import { describe, expect, it, onTestFinished } from "vitest";
import { aMachine, aUnit } from "../../../test/support/fleet-world.ts";
import { type ManualClock, manualClock } from "../../foundation/clock.ts";
import { lineLog, silentLog } from "../../foundation/log.ts";
import type { UnitState } from "../model.ts";
import { createMemoryRegistry, type MemoryClient, type MemoryRegistry } from "../registry/memory.ts";
import type { Mirror, Session } from "../registry/registry.ts";
import { createEngine, type Engine } from "./engine.ts";

const ttl = 4_000;
const outageGrace = 10_000;

/** One fleetd with an engine but without an agent. It joins again when its session was lost. */
interface Node {
  readonly id: string;
  readonly client: MemoryClient;
  readonly engine: Engine;
  session(): Session;
}

interface Lab {
  readonly clock: ManualClock;
  readonly memory: MemoryRegistry;
  readonly node: (id: string) => Promise<Node>;
  /** What all engines logged. */
  readonly lines: readonly string[];
  /** Which machine each unit is placed on, e.g. `a.service m1`. */
  readonly placed: () => string[];
}

function aLab(): Lab {
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
  const node = async (id: string): Promise<Node> => {
    const client = memory.client();
    const mirror = await client.follow(stop.signal);
    const engine = createEngine({ clock, log, ttl, outageGrace });
    let session: Session | undefined;
    const joined = Promise.withResolvers<void>();
    const live = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        session = await join(client, id, stop.signal);
        joined.resolve();
        await engine.run(session, mirror, stop.signal);
        await stillThere(mirror, clock, stop.signal);
      }
    };
    running.push(
      live().catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      }),
    );
    await joined.promise;
    await clock.advance(1);
    return {
      id,
      client,
      engine,
      session: () => {
        if (session === undefined) throw new Error(`${id} has not joined`);
        return session;
      },
    };
  };
  const placed = (): string[] =>
    [...memory.snapshot.placements.values()].map(({ unit, machineID }) => `${unit} ${machineID}`).sort();
  return { clock, memory, node, placed, lines };
}

async function join(client: MemoryClient, id: string, signal: AbortSignal): Promise<Session> {
  const result = await client.join({ machine: aMachine(id), ttl }, signal);
  if (result.kind !== "joined") throw new Error(`${id} is a duplicate`);
  return result.session;
}

/** As fleetd does: without etcd there is nothing to join. */
async function stillThere(mirror: Mirror, clock: ManualClock, signal: AbortSignal): Promise<void> {
  while (!mirror.fresh) await clock.sleep(200, signal);
}

function running(unit: string, machineID: string): UnitState {
  const systemd = { load: "loaded", active: "active", sub: "running" };
  return { unit, machineID, hash: "", ...systemd, reached: "launched" };
}

describe("the engine", () => {
  it("places what shall run as soon as it is asked for, and sleeps otherwise", async () => {
    const { clock, node, placed } = aLab();
    const one = await node("m1");
    await node("m2");
    await one.client.putUnit(aUnit("a.service"));
    await one.client.putUnit(aUnit("b.service"));
    await clock.advance(0);
    expect(placed()).toEqual(["a.service m1", "b.service m2"]);
    expect(one.engine.status).toMatchObject({ leading: true, holdingUntil: undefined, waiting: [] });
    expect(clock.sleepers).toBe(0);
  });

  it("costs nothing while nothing changes: no look, no write, no timer", async () => {
    const { clock, memory, node } = aLab();
    const nodes = [await node("m1"), await node("m2"), await node("m3")];
    for (let index = 0; index < 100; index++) await nodes[0]?.client.putUnit(aUnit(`u${index}.service`));
    await clock.advance(1_000);
    const turns = (): number[] => nodes.map(({ engine }) => engine.status.counts.turns);
    const [before, revision] = [turns(), memory.snapshot.revision];
    expect(clock.sleepers).toBe(0);
    await clock.advance(60_000);
    expect(turns()).toEqual(before);
    expect(memory.snapshot.revision).toBe(revision);
    expect(clock.sleepers).toBe(0);
  });

  it("tells why it refuses, and forgives when there is room", async () => {
    const { clock, memory, node, placed } = aLab();
    const one = await node("m1");
    for (const name of ["a@1.service", "a@2.service"])
      await one.client.putUnit(aUnit(name, ["Conflicts=a@*.service"]));
    await clock.advance(0);
    const why = "found conflict with locally-scheduled Unit([a@1.service])";
    expect(memory.snapshot.refusals.get("a@2.service")).toMatchObject({
      reasons: [{ machineID: "m1", why }],
    });
    await node("m2");
    expect(placed()).toEqual(["a@1.service m1", "a@2.service m2"]);
    expect(memory.snapshot.refusals.size).toBe(0);
  });

  it("moves a dead machine's units as soon as its lease has run out", async () => {
    const { clock, memory, node, placed } = aLab();
    const one = await node("m1");
    const two = await node("m2");
    await node("m3");
    for (const name of ["a.service", "b.service", "c.service"]) await one.client.putUnit(aUnit(name));
    await clock.advance(60_000);
    expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
    memory.cut(two.client);
    await clock.advance(ttl - 1);
    expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
    await clock.advance(1);
    expect(placed()).toEqual(["a.service m1", "b.service m1", "c.service m3"]);
  });

  it("has a successor that acts at once when the leader dies", async () => {
    const { clock, memory, node, placed } = aLab();
    const one = await node("m1");
    const two = await node("m2");
    await node("m3");
    await one.client.putUnit(aUnit("a.service"));
    await clock.advance(60_000);
    expect(placed()).toEqual(["a.service m1"]);
    memory.cut(one.client);
    await clock.advance(ttl + 1);
    expect(placed()).toEqual(["a.service m2"]);
    expect(two.engine.status.leading).toBe(true);
  });

  it("waits until a machine has let go before another gets the unit", async () => {
    const { clock, node, placed } = aLab();
    const one = await node("m1");
    const two = await node("m2");
    await one.client.putUnit(aUnit("a.service"));
    await clock.advance(0);
    await one.session().putState(running("a.service", "m1"));
    await one.session().updateMachine(aMachine("m1", { leaving: true }));
    await clock.advance(60_000);
    expect(placed()).toEqual([]);
    expect(one.engine.status.waiting).toMatchObject([{ unit: "a.service" }]);
    await one.session().deleteState("a.service");
    await clock.advance(0);
    expect(placed()).toEqual(["a.service m2"]);
    expect(two.engine.status.leading).toBe(false);
  });

  describe("when etcd is in trouble", () => {
    it("moves nothing while etcd stands still", async () => {
      const { clock, memory, node, placed } = aLab();
      const one = await node("m1");
      await node("m2");
      await node("m3");
      for (const name of ["a.service", "b.service", "c.service"]) await one.client.putUnit(aUnit(name));
      await clock.advance(60_000);
      const before = placed();
      memory.stop();
      await clock.advance(30_000);
      memory.start();
      await clock.advance(60_000);
      expect(before).toHaveLength(3);
      expect(placed()).toEqual(before);
    });

    it("moves nothing when all leases ended at once and everybody is back within their time to live", async () => {
      const { clock, memory, node, placed } = aLab();
      const one = await node("m1");
      await node("m2");
      await node("m3");
      for (const name of ["a.service", "b.service", "c.service"]) await one.client.putUnit(aUnit(name));
      await clock.advance(60_000);
      const before = placed();
      memory.expire();
      expect(memory.snapshot.machines.size).toBeLessThan(3);
      await clock.advance(60_000);
      expect(memory.snapshot.machines.size).toBe(3);
      expect(placed()).toEqual(before);
    });

    it("holds on every machine, so that each can say why nothing moves, and says so in its log", async () => {
      const { clock, memory, node, lines } = aLab();
      const [one, two] = [await node("m1"), await node("m2")];
      const [three, four, five] = [await node("m3"), await node("m4"), await node("m5")];
      await one.client.putUnit(aUnit("a.service"));
      await clock.advance(60_000);
      for (const { client } of [three, four, five]) memory.cut(client);
      await clock.advance(ttl);
      const until = clock.monotonic() + outageGrace;
      expect([one, two].map(({ engine }) => engine.status.holdingUntil)).toEqual([until, until]);
      expect(lines.join("\n")).toContain("more than half of the machines vanished at once");
      await clock.advance(outageGrace);
      expect(one.engine.status.holdingUntil).toBeUndefined();
      expect(lines.join("\n")).toContain("no longer holding");
    });

    it("holds from the moment when more than half have vanished, then acts", async () => {
      const { clock, memory, node, placed } = aLab();
      const one = await node("m1");
      const [two, three] = [await node("m2"), await node("m3")];
      for (const name of ["a.service", "b.service", "c.service"]) await one.client.putUnit(aUnit(name));
      await clock.advance(60_000);
      memory.cut(two.client);
      memory.cut(three.client);
      await clock.advance(ttl);
      expect(one.engine.status.holdingUntil).toBe(clock.monotonic() + outageGrace);
      await clock.advance(outageGrace - 1);
      expect(placed()).toEqual(["a.service m1", "b.service m1", "c.service m3"]);
      await clock.advance(1);
      expect(placed()).toEqual(["a.service m1", "b.service m1", "c.service m1"]);
      expect(one.engine.status.holdingUntil).toBeUndefined();
    });

    it("does nothing while it is cut off itself, and leaves the lead to others", async () => {
      const { clock, memory, node, placed } = aLab();
      const one = await node("m1");
      await node("m2");
      await node("m3");
      await one.client.putUnit(aUnit("a.service"));
      await clock.advance(60_000);
      memory.cut(one.client);
      await clock.advance(60_000);
      expect(placed()).toEqual(["a.service m2"]);
      memory.mend(one.client);
      await clock.advance(60_000);
      expect(memory.snapshot.machines.size).toBe(3);
      expect(placed()).toEqual(["a.service m2"]);
    });
  });

  it("gives a machine that never came back after a power outage one time to live", async () => {
    const { clock, memory, node, placed } = aLab();
    const nodes = [await node("m1"), await node("m2"), await node("m3")];
    await nodes[0]?.client.putUnit(aUnit("a.service"));
    await clock.advance(0);
    expect(placed()).toEqual(["a.service m1"]);
    for (const { client } of nodes) memory.cut(client);
    await clock.advance(60_000);
    expect(memory.snapshot.machines.size).toBe(0);

    await node("m2");
    await node("m3");
    await clock.advance(ttl - 100);
    expect(placed()).toEqual(["a.service m1"]);
    await clock.advance(100);
    expect(placed()).toEqual(["a.service m2"]);
  });

  it("gives the lead back when it is told to stop", async () => {
    const clock = manualClock();
    const memory = createMemoryRegistry({ clock });
    const client = memory.client();
    const stop = new AbortController();
    const mirror = await client.follow(stop.signal);
    const session = await join(client, "m1", stop.signal);
    const engine = createEngine({ clock, log: silentLog(), ttl });
    const done = engine.run(session, mirror, stop.signal);
    await clock.advance(0);
    expect(memory.snapshot.leader).toBe("m1");
    stop.abort(new Error("enough"));
    await done;
    expect(memory.snapshot.leader).toBeUndefined();
    expect(engine.status.leading).toBe(false);
  });
});
