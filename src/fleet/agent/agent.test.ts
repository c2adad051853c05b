import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentStage, type AgentStage, hashOf, me, settle } from "../../../test/support/agent-stage.ts";
import { unitFiles } from "../../../test/support/systemd-contract.ts";

const xfleet = (content: string, ...lines: readonly string[]): string =>
  `${content}[X-Fleet]\n${lines.join("\n")}\n`;

describe("the agent", () => {
  let stage: AgentStage;

  beforeEach(async () => {
    stage = await agentStage();
  });

  afterEach(() => stage.close());

  it("starts what is placed here and publishes it as launched and active", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    expect(stage.published("a.service")).toEqual({
      unit: "a.service",
      machineID: me.id,
      hash: hashOf(unitFiles.sleeper),
      load: "loaded",
      active: "active",
      sub: "running",
      reached: "launched",
    });
  });

  it("says in one record that a unit came up", async () => {
    await stage.begin();
    await stage.submit("a.service", unitFiles.sleeper, "launched");
    const { revision } = stage.registry.snapshot;
    await stage.place("a.service");
    await stage.clock.advance(2_000);
    await settle();
    expect(stage.published("a.service")).toMatchObject({ active: "active" });
    // One more than the engine's placement.
    expect(stage.registry.snapshot.revision - revision).toBe(2n);
  });

  it("links without starting what is only to be loaded", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "loaded");
    expect(stage.systemd.calls).toEqual(["install a.service"]);
    expect(stage.published("a.service")).toMatchObject({
      reached: "loaded",
      active: "inactive",
      load: "loaded",
    });
  });

  it("leaves units of other machines and inactive ones alone", async () => {
    await stage.begin();
    await stage.submit("other.service", unitFiles.sleeper, "launched");
    await stage.place("other.service", "2".repeat(32));
    await stage.run("idle.service", unitFiles.sleeper, "inactive");
    await stage.submit("nowhere.service", unitFiles.sleeper, "launched");
    expect(stage.systemd.calls).toEqual([]);
  });

  it("runs global units whose metadata it has, and of two that conflict the first by name", async () => {
    await stage.begin();
    await stage.submit(
      "g-here.service",
      xfleet(unitFiles.sleeper, "Global=true", "MachineMetadata=region=local"),
      "launched",
    );
    await stage.submit(
      "g-there.service",
      xfleet(unitFiles.sleeper, "Global=true", "MachineMetadata=region=far"),
      "launched",
    );
    await stage.submit(
      "g-z.service",
      xfleet(unitFiles.sleeper, "Global=true", "Conflicts=g-here*"),
      "launched",
    );
    expect((await stage.systemd.list()).map((unit) => unit.name)).toEqual(["g-here.service"]);
  });

  it("follows each change of the desired state", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    await stage.boss.setDesired("a.service", "loaded");
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "loaded", active: "inactive" });
    await stage.boss.setDesired("a.service", "launched");
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "launched", active: "active" });
    await stage.boss.setDesired("a.service", "inactive");
    await settle();
    expect(stage.published("a.service")).toBeUndefined();
    expect(await stage.systemd.list()).toEqual([]);
  });

  it("replaces a unit whose file changed", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    await stage.submit("a.service", unitFiles.sleeper2, "launched");
    expect(stage.systemd.calls.slice(2)).toEqual([
      "stop a.service",
      "remove a.service",
      "install a.service",
      "start a.service",
    ]);
    expect(stage.published("a.service")?.hash).toBe(hashOf(unitFiles.sleeper2));
  });

  it("publishes what systemd tells later", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    stage.systemd.crash("a.service");
    await settle();
    expect(stage.published("a.service")).toMatchObject({ active: "failed", reached: "launched" });
    expect(stage.systemd.calls).toEqual(["install a.service", "start a.service"]);
  });

  it("takes a failed start as launched and leaves the rest to systemd", async () => {
    await stage.begin();
    await stage.run("bad.service", unitFiles.failing, "launched");
    await stage.clock.advance(120_000);
    expect(stage.published("bad.service")).toMatchObject({ active: "failed", reached: "launched" });
    expect(stage.systemd.calls).toEqual(["install bad.service", "start bad.service"]);
  });

  it("keeps what it published of a unit until its slow stop has ended, and holds nobody up by it", async () => {
    await stage.begin();
    await stage.run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 10\n`, "launched");
    await stage.boss.deleteUnit("slow.service");
    await stage.run("b.service", unitFiles.sleeper, "launched");
    expect(stage.published("b.service")).toMatchObject({ active: "active" });
    await stage.clock.advance(9_000);
    await settle();
    expect(stage.published("slow.service")).toMatchObject({ active: "deactivating" });
    await stage.clock.advance(1_000);
    await settle();
    expect(stage.published("slow.service")).toBeUndefined();
    expect((await stage.systemd.list()).map((unit) => unit.name)).toEqual(["b.service"]);
  });

  it("calls a unit loaded while its start waits for another one's, and launched from then on", async () => {
    await stage.begin();
    await stage.run("contract-slow.service", `${unitFiles.sleeper}ExecStartPre=/bin/sleep 60\n`, "launched");
    await stage.run("a.service", unitFiles.afterSlow, "launched");
    expect(stage.published("a.service")).toBeUndefined();
    await stage.clock.advance(1_000);
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "loaded", active: "inactive" });
    await stage.clock.advance(59_000);
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "launched", active: "active" });
  });

  it("asks systemd in the order of the files for units that come together, so that it can keep it", async () => {
    await stage.begin();
    const line = (key: string, other: string): string => `[Unit]\n${key}=${other}\n${unitFiles.sleeper}`;
    await stage.submit("a.service", line("After", "b.service c.service"), "launched");
    await stage.submit("b.service", `${unitFiles.sleeper}ExecStartPre=/bin/sleep 10\n`, "launched");
    await stage.submit("c.service", line("After", "d.service"), "launched");
    await stage.submit("d.service", unitFiles.sleeper, "launched");
    await stage.submit("z.service", line("Before", "b.service"), "launched");
    await stage.placeTogether("a.service", "b.service", "c.service", "d.service", "z.service");
    const starts = stage.systemd.calls.filter((call) => call.startsWith("start "));
    const at = (name: string): number => starts.indexOf(`start ${name}.service`);
    expect(starts).toHaveLength(5);
    expect([at("b") < at("a"), at("c") < at("a"), at("d") < at("c"), at("z") < at("b")]).not.toContain(false);
    expect([await stage.active("a.service"), await stage.active("b.service")]).toEqual([
      "inactive",
      "activating",
    ]);
    await stage.clock.advance(10_000);
    await settle();
    expect(await stage.active("a.service")).toBe("active");
  });

  it("starts units all the same whose order is a circle", async () => {
    await stage.begin();
    const after = (other: string): string => `[Unit]\nAfter=${other}\n${unitFiles.sleeper}`;
    await stage.submit("a.service", after("b.service"), "launched");
    await stage.submit("b.service", after("a.service"), "launched");
    await stage.placeTogether("a.service", "b.service");
    await stage.clock.advance(2_000);
    await settle();
    expect(stage.systemd.calls.filter((call) => call.startsWith("start "))).toHaveLength(2);
  });

  it("does not take an earlier failure for that of a start that still waits", async () => {
    await stage.begin();
    await stage.run("a.service", unitFiles.afterSlow, "launched");
    stage.systemd.crash("a.service");
    await stage.boss.setDesired("a.service", "loaded");
    await stage.run("contract-slow.service", `${unitFiles.sleeper}ExecStartPre=/bin/sleep 60\n`, "launched");
    await stage.boss.setDesired("a.service", "launched");
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "loaded", active: "failed" });
    await stage.clock.advance(60_000);
    await settle();
    expect(stage.published("a.service")).toMatchObject({ reached: "launched", active: "active" });
  });

  it("stops a unit whose start takes long as soon as it is not wanted", async () => {
    await stage.begin();
    await stage.run("slow.service", `${unitFiles.sleeper}ExecStartPre=/bin/sleep 60\n`, "launched");
    expect(stage.published("slow.service")).toMatchObject({ reached: "launched", active: "activating" });
    await stage.boss.deleteUnit("slow.service");
    await settle();
    expect(stage.published("slow.service")).toBeUndefined();
    expect(await stage.systemd.list()).toEqual([]);
  });

  it("starts again what was wanted back during its slow stop", async () => {
    await stage.begin();
    await stage.run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 5\n`, "launched");
    await stage.boss.setDesired("slow.service", "loaded");
    await settle();
    await stage.boss.setDesired("slow.service", "launched");
    await stage.clock.advance(5_000);
    await settle();
    expect(stage.published("slow.service")).toMatchObject({ active: "active", reached: "launched" });
  });
});
