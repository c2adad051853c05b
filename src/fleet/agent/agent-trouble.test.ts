import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  agentStage,
  type AgentStage,
  hashOf,
  me,
  optionsOf,
  settle,
} from "../../../test/support/agent-stage.ts";
import { unitFiles } from "../../../test/support/systemd-contract.ts";
import { createMemorySystemd } from "../systemd/memory.ts";
import { serializeUnit } from "../unit/serialize.ts";

const patience = { stopWithin: 60_000, stopAloneWithin: 60_000 };

describe("the agent in trouble, on its return and at its end", () => {
  let stage: AgentStage;

  beforeEach(async () => {
    stage = await agentStage();
  });

  afterEach(() => stage.close());

  it("tries again when systemd refuses a unit, while all others go on", async () => {
    await stage.begin();
    await stage.run("broken.service", unitFiles.broken, "launched");
    await stage.run("a.service", unitFiles.sleeper, "launched");
    expect(stage.published("broken.service")).toMatchObject({ load: "bad-setting", reached: "launched" });
    expect(await stage.active("a.service")).toBe("active");
    const tries = (): number => stage.systemd.calls.filter((call) => call === "start broken.service").length;
    const before = tries();
    await stage.clock.advance(1_000);
    expect(tries()).toBe(before + 1);
    await stage.submit("broken.service", unitFiles.sleeper, "launched");
    expect(stage.published("broken.service")).toMatchObject({ active: "active" });
  });

  it("goes on by itself after trouble with D-Bus", async () => {
    await stage.begin();
    stage.systemd.breakDown("the bus is gone");
    await stage.run("a.service", unitFiles.sleeper, "launched");
    expect(stage.published("a.service")).toBeUndefined();
    stage.systemd.breakDown(undefined);
    await stage.clock.advance(2_000);
    await settle();
    expect(stage.published("a.service")).toMatchObject({ active: "active" });
  });

  it.each(["launched", "loaded"] as const)(
    "says of a unit that is to be %s that it cannot be installed, until it can be or is given up",
    async (desired) => {
      await stage.begin();
      stage.systemd.breakDown("no space left on device");
      await stage.run("a.service", unitFiles.sleeper, desired);
      await stage.run("b.service", unitFiles.sleeper, desired);
      expect(stage.published("a.service")).toBeUndefined();
      await stage.clock.advance(500);
      await settle();
      expect(stage.published("a.service")).toEqual({
        unit: "a.service",
        machineID: me.id,
        hash: hashOf(unitFiles.sleeper),
        load: "error",
        active: "failed",
        sub: "failed",
        reached: desired,
      });
      await stage.release("b.service");
      expect(stage.published("b.service")).toBeUndefined();
      stage.systemd.breakDown(undefined);
      await stage.clock.advance(2_000);
      await settle();
      expect(stage.published("a.service")).toMatchObject({ load: "loaded", reached: desired });
    },
  );

  it("touches nothing while etcd is away, however long", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    stage.registry.stop();
    await stage.clock.advance(600_000);
    await settle();
    expect(await stage.active("a.service")).toBe("active");
    stage.registry.start();
    await settle();
    expect(stage.systemd.calls).toEqual(["install a.service", "start a.service"]);
  });

  it("stops on its return what moved away meanwhile, and touches nothing else", async () => {
    await stage.begin();
    await stage.run("stays.service", unitFiles.sleeper, "launched");
    await stage.run("moves.service", unitFiles.sleeper, "launched");
    stage.registry.cut(stage.client);
    await stage.clock.advance(5_000);
    await stage.release("moves.service");
    await stage.place("moves.service", "2".repeat(32));
    expect(await stage.active("moves.service")).toBe("active");
    stage.registry.mend(stage.client);
    await settle();
    expect(stage.session.lost.aborted).toBe(true);
    await stage.rejoin();
    expect(stage.systemd.calls.slice(4)).toEqual(["stop moves.service", "remove moves.service"]);
    expect(stage.published("moves.service")).toBeUndefined();
    expect(stage.published("stays.service")).toMatchObject({ active: "active", reached: "launched" });
  });

  it("adopts after a restart what runs already, without a restart of it", async () => {
    stage.systemd = createMemorySystemd({
      clock: stage.clock,
      units: [
        { name: "a.service", content: serializeUnit(optionsOf(unitFiles.sleeper)), running: true },
        { name: "gone.service", content: serializeUnit(optionsOf(unitFiles.sleeper)), running: true },
        { name: "old.service", content: serializeUnit(optionsOf(unitFiles.sleeper)), running: true },
      ],
    });
    await stage.submit("a.service", unitFiles.sleeper, "launched");
    await stage.place("a.service");
    await stage.submit("old.service", unitFiles.sleeper2, "launched");
    await stage.place("old.service");
    await stage.begin();
    expect(stage.systemd.calls.filter((call) => call.includes(" a.service"))).toEqual([]);
    expect(stage.published("a.service")).toMatchObject({ active: "active", reached: "launched" });
    expect(stage.systemd.calls.filter((call) => call.includes("gone"))).toEqual([
      "stop gone.service",
      "remove gone.service",
    ]);
    expect(stage.published("old.service")?.hash).toBe(hashOf(unitFiles.sleeper2));
  });

  it("does not run finished work again when it takes up the session of an earlier fleetd", async () => {
    await stage.begin();
    await stage.run("once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n", "launched");
    expect(stage.published("once.service")).toMatchObject({ active: "inactive", reached: "launched" });
    const leaseId = stage.session.leaseId;
    await stage.die();
    await stage.begin(leaseId);
    expect(stage.session.leaseId).toBe(leaseId);
    expect(stage.systemd.calls).toEqual(["install once.service", "start once.service"]);
    expect(stage.published("once.service")).toMatchObject({ active: "inactive", reached: "launched" });
  });

  it("takes back a state of an earlier fleetd whose unit is no longer here", async () => {
    await stage.begin();
    await stage.session.putState({
      unit: "ghost.service",
      machineID: me.id,
      hash: "0".repeat(40),
      load: "loaded",
      active: "active",
      sub: "running",
      reached: "launched",
    });
    const leaseId = stage.session.leaseId;
    await stage.die();
    await stage.begin(leaseId);
    expect(stage.published("ghost.service")).toBeUndefined();
  });

  it("leaves by stopping all units side by side, telling the end of each at once", async () => {
    await stage.begin();
    await stage.run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 3\n`, "launched");
    await stage.run("fast.service", unitFiles.sleeper, "launched");
    const left = stage.agent.leave(stage.session, { ...patience, tellWithin: 5_000 });
    await settle();
    expect(stage.registry.snapshot.machines.get(me.id)?.leaving).toBe(true);
    expect(stage.published("fast.service")).toBeUndefined();
    expect(stage.published("slow.service")).toMatchObject({ active: "deactivating" });
    await stage.clock.advance(3_000);
    await left;
    expect(stage.published("slow.service")).toBeUndefined();
    expect(await stage.systemd.list()).toEqual([]);
  });

  it("leaves in bounded time without etcd", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    stage.registry.cut(stage.client);
    let over = false;
    const left = stage.agent
      .leave(stage.session, { ...patience, tellWithin: 2_000 })
      .then(() => (over = true));
    await settle();
    await stage.clock.advance(4_000);
    await settle();
    expect(over).toBe(true);
    await left;
    expect(await stage.systemd.list()).toEqual([]);
  });
});
