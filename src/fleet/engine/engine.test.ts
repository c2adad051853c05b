import { describe, expect, it } from "vitest";
import { anEngineLab, outageGrace, returnGrace, ttl } from "../../../test/support/engine-lab.ts";
import { aMachine, aUnit } from "../../../test/support/fleet-world.ts";
import { manualClock } from "../../foundation/clock.ts";
import { silentLog } from "../../foundation/log.ts";
import type { UnitState } from "../model.ts";
import { createMemoryRegistry } from "../registry/memory.ts";
import { createEngine } from "./engine.ts";

function running(unit: string, machineID: string): UnitState {
  const systemd = { load: "loaded", active: "active", sub: "running" };
  return { unit, machineID, hash: "", ...systemd, reached: "launched" };
}

describe("the engine", () => {
  it("places what shall run as soon as it is asked for, and sleeps otherwise", async () => {
    const { clock, node, placed } = anEngineLab();
    const one = await node("m1");
    await node("m2");
    await one.client.putUnit(aUnit("a.service"));
    await one.client.putUnit(aUnit("b.service"));
    await clock.advance(0);
    expect(placed()).toEqual(["a.service m1", "b.service m2"]);
    expect(one.engine.status).toMatchObject({ leading: true, holdingUntil: undefined, waiting: [] });
    expect(clock.sleepers).toBe(0);
  });

  it("looks seldom while units come one after the other, and lets none of them wait for long", async () => {
    const { clock, memory, node, placed } = anEngineLab();
    const one = await node("m1", { commitTakes: 10 });
    const waits: number[] = [];
    for (let count = 0; count < 200; count++) {
      await one.client.putUnit(aUnit(`u${count}.service`));
      await clock.advance(1);
      waits.push(memory.snapshot.units.size - placed().length);
    }
    expect(one.engine.status.counts.turns).toBeLessThan(12);
    expect(Math.max(...waits)).toBeLessThan(50);
    await clock.advance(50);
    expect(placed()).toHaveLength(200);
  });

  it("costs nothing while nothing changes: no look, no write, no timer", async () => {
    const { clock, memory, node } = anEngineLab();
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
    const { clock, memory, node, placed } = anEngineLab();
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

  it("moves a dead machine's units as soon as its lease has run out and it has not come back", async () => {
    const { clock, memory, placed, atWork } = anEngineLab();
    const [, two] = await atWork();
    expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
    memory.cut(two.client);
    await clock.advance(ttl + returnGrace - 1);
    expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
    await clock.advance(1);
    expect(placed()).toEqual(["a.service m1", "b.service m1", "c.service m3"]);
  });

  it("moves nothing when etcd takes the leases of machines that live: they are back in a moment", async () => {
    const { clock, memory, placed, atWork } = anEngineLab();
    const [one, two, three] = await atWork();
    const decisions = (): unknown[] => [one, two, three].map(({ engine }) => engine.status.counts.decisions);
    const before = decisions();
    for (const taken of [[two], [one, three], [one], [two, three]]) {
      for (const other of taken) memory.expire(other.session().leaseId);
      await clock.advance(60_000);
    }
    expect(memory.snapshot.machines.size).toBe(3);
    expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
    expect(decisions()).toEqual(before);
  });

  it("has a successor that acts at once when the leader dies", async () => {
    const { clock, memory, node, placed } = anEngineLab();
    const one = await node("m1");
    const two = await node("m2");
    await node("m3");
    await one.client.putUnit(aUnit("a.service"));
    await clock.advance(60_000);
    expect(placed()).toEqual(["a.service m1"]);
    memory.cut(one.client);
    await clock.advance(ttl + returnGrace);
    expect(placed()).toEqual(["a.service m2"]);
    expect(two.engine.status.leading).toBe(true);
  });

  it("waits until a machine has let go before another gets the unit", async () => {
    const { clock, node, placed } = anEngineLab();
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
      const { clock, memory, placed, atWork } = anEngineLab();
      await atWork();
      const before = placed();
      memory.stop();
      await clock.advance(30_000);
      memory.start();
      await clock.advance(60_000);
      expect(before).toHaveLength(3);
      expect(placed()).toEqual(before);
    });

    it("moves nothing when all leases ended at once and everybody is back within their time to live", async () => {
      const { clock, memory, placed, atWork } = anEngineLab();
      await atWork();
      const before = placed();
      memory.expire();
      expect(memory.snapshot.machines.size).toBeLessThan(3);
      await clock.advance(60_000);
      expect(memory.snapshot.machines.size).toBe(3);
      expect(placed()).toEqual(before);
    });

    it("holds on every machine, so that each can say why nothing moves, and says so in its log", async () => {
      const { clock, memory, node, lines } = anEngineLab();
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
      const { clock, memory, placed, atWork } = anEngineLab();
      const [one, two, three] = await atWork();
      memory.cut(two.client);
      memory.cut(three.client);
      await clock.advance(ttl);
      expect(one.engine.status.holdingUntil).toBe(clock.monotonic() + outageGrace);
      await clock.advance(outageGrace - 1);
      expect(placed()).toEqual(["a.service m1", "b.service m2", "c.service m3"]);
      await clock.advance(1);
      expect(placed()).toEqual(["a.service m1", "b.service m1", "c.service m1"]);
      expect(one.engine.status.holdingUntil).toBeUndefined();
    });

    it("does nothing while it is cut off itself, and leaves the lead to others", async () => {
      const { clock, memory, node, placed } = anEngineLab();
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
    const { clock, memory, node, placed } = anEngineLab();
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
    const joined = await client.join({ machine: aMachine("m1"), ttl }, stop.signal);
    if (joined.kind !== "joined") throw new Error("it has not joined");
    const { session } = joined;
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
