import { describe, expect, it } from "vitest";
import { anEngineLab, returnGrace, ttl } from "../../../test/support/engine-lab.ts";
import { aMachine, aUnit } from "../../../test/support/fleet-world.ts";

describe("engines of several versions in one cluster", () => {
  it("lets only the newest lead, and the next one when that goes", async () => {
    const { clock, memory, node, placed, lines } = anEngineLab();
    const story: string[] = [];
    const tell = async (what: string, ms = 0): Promise<void> => {
      await clock.advance(ms);
      story.push(`${what}: ${memory.snapshot.leader ?? "nobody"} leads; ${placed().join(", ")}`);
    };
    const old = await node("old", { version: 1 });
    await old.client.putUnit(aUnit("a.service"));
    await tell("one alone");
    const newest = await node("newest", { version: 3 });
    await newest.client.putUnit(aUnit("b.service"));
    await tell("the newest has come");
    await node("middle", { version: 2 });
    await node("old too", { version: 1 });
    await newest.client.putUnit(aUnit("c.service"));
    await tell("all are there", 60_000);
    memory.cut(newest.client);
    await tell("the newest has died", ttl + returnGrace);
    memory.mend(newest.client);
    await tell("the newest is back");
    await newest.leave();
    await tell("the newest has left");
    expect(story).toEqual([
      "one alone: old leads; a.service old",
      "the newest has come: newest leads; a.service old, b.service newest",
      "all are there: newest leads; a.service old, b.service newest, c.service middle",
      "the newest has died: middle leads; a.service old, b.service old too, c.service middle",
      "the newest is back: newest leads; a.service old, b.service old too, c.service middle",
      "the newest has left: middle leads; a.service old, b.service old too, c.service middle",
    ]);
    expect(lines.join("\n")).toContain("leaving the lead to a newer engine machine=newest theirs=3 ours=1");
    expect(clock.sleepers).toBe(0);
  });

  it("counts a fleetd from before there were versions, or without an engine, as the oldest", async () => {
    const { clock, memory, node } = anEngineLab();
    const one = await node("m1", { version: 1 });
    const none = aMachine("m2", { engine: 0, version: "99.0.0" });
    await memory.client().join({ machine: none, ttl }, new AbortController().signal);
    await clock.advance(60_000);
    expect([memory.snapshot.leader, one.engine.status.leading]).toEqual(["m1", true]);
  });

  it("does not wait for a newer engine on a machine that is leaving", async () => {
    const { clock, memory, node } = anEngineLab();
    const [, newest] = [await node("m1", { version: 1 }), await node("m2", { version: 2 })];
    await clock.advance(0);
    expect(memory.snapshot.leader).toBe("m2");
    await newest.session().updateMachine(aMachine("m2", { engine: 2, leaving: true }));
    await newest.session().withdraw();
    await clock.advance(0);
    expect(memory.snapshot.leader).toBe("m1");
  });

  it("gives up a lead that it came to while etcd did not say so", async () => {
    const { clock, memory, node } = anEngineLab();
    const never = new AbortController().signal;
    await memory.client().join({ machine: aMachine("m2", { engine: 2 }), ttl }, never);
    const old = await node("m1", { version: 1 });
    expect(memory.snapshot.leader).toBeUndefined();
    // As when the request of a campaign that was given up reaches etcd after all.
    await old.session().campaign(never);
    await clock.advance(0);
    expect(memory.snapshot.leader).toBeUndefined();
  });
});
