import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unitFiles } from "../../../test/support/systemd-contract.ts";
import { manualClock, type ManualClock } from "../../foundation/clock.ts";
import { silentLog } from "../../foundation/log.ts";
import type { DesiredState, Machine, UnitState } from "../model.ts";
import { createMemoryRegistry, type MemoryClient, type MemoryRegistry } from "../registry/memory.ts";
import type { Mirror, Session, Term } from "../registry/registry.ts";
import { createMemorySystemd, type MemorySystemd } from "../systemd/memory.ts";
import { parseUnitFile } from "../unit/parse.ts";
import { hashUnit, serializeUnit } from "../unit/serialize.ts";
import { createAgent, publishedBy, type Agent } from "./agent.ts";

const me: Machine = {
  id: "1".repeat(32),
  publicIP: "10.0.0.1",
  metadata: { region: "local" },
  version: "0.1.0",
  bootId: "boot",
  nonce: "nonce",
  leaving: false,
};
const boss: Machine = { ...me, id: "b".repeat(32), nonce: "boss" };
const ttl = 4_000;

function optionsOf(content: string): { section: string; name: string; value: string }[] {
  const parsed = parseUnitFile(content);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return [...parsed.options];
}
const canonical = (content: string): string => serializeUnit(optionsOf(content));
const xfleet = (content: string, ...lines: readonly string[]): string =>
  `${content}[X-Fleet]\n${lines.join("\n")}\n`;

/** Lets everything that can happen without time happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("the agent", () => {
  let clock: ManualClock;
  let registry: MemoryRegistry;
  let systemd: MemorySystemd;
  let client: MemoryClient;
  let mirror: Mirror;
  let session: Session;
  let term: Term;
  let bossClient: MemoryClient;
  let stop: AbortController;
  let agent: Agent;

  beforeEach(async () => {
    clock = manualClock();
    registry = createMemoryRegistry({ clock });
    systemd = createMemorySystemd({ clock });
    stop = new AbortController();
    bossClient = registry.client();
    term = await (await join(bossClient, boss)).campaign(stop.signal);
    client = registry.client();
    mirror = await client.follow(stop.signal);
  });

  afterEach(() => stop.abort(new Error("the test is over")));

  const join = async (by: MemoryClient, machine: Machine, leaseId?: string): Promise<Session> => {
    const resume = leaseId === undefined ? {} : { resume: { leaseId } };
    const result = await by.join({ machine, ttl, ...resume }, stop.signal);
    if (result.kind !== "joined") throw new Error("not joined");
    return result.session;
  };
  const serve = (resumed: boolean): void => {
    void agent.serve(session, mirror, { resumed, signal: stop.signal });
  };
  const begin = async (leaseId?: string): Promise<void> => {
    agent = createAgent({ machine: me, systemd, clock, log: silentLog(), signal: stop.signal });
    await agent.begin(publishedBy(me.id, mirror.snapshot));
    session = await join(client, me, leaseId);
    serve(leaseId !== undefined);
    await settle();
  };
  const submit = async (name: string, content: string, desired: DesiredState): Promise<void> => {
    await bossClient.putUnit({ name, options: optionsOf(content), desired });
    await settle();
  };
  const place = async (name: string, machineID = me.id): Promise<void> => {
    await term.commit([{ kind: "place", placement: { unit: name, machineID, reason: "test" } }]);
    await settle();
  };
  const run = async (name: string, content: string, desired: DesiredState): Promise<void> => {
    await submit(name, content, desired);
    await place(name);
  };
  const published = (name: string): UnitState | undefined => registry.snapshot.states.get(name)?.get(me.id);
  const active = async (name: string): Promise<string> => (await systemd.status(name)).active;

  it("starts what is placed here and publishes it as launched and active", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    expect(published("a.service")).toEqual({
      unit: "a.service",
      machineID: me.id,
      hash: hashUnit(optionsOf(unitFiles.sleeper)),
      load: "loaded",
      active: "active",
      sub: "running",
      reached: "launched",
    });
  });

  it("links without starting what is only to be loaded", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "loaded");
    expect(systemd.calls).toEqual(["install a.service"]);
    expect(published("a.service")).toMatchObject({ reached: "loaded", active: "inactive", load: "loaded" });
  });

  it("leaves units of other machines and inactive ones alone", async () => {
    await begin();
    await submit("other.service", unitFiles.sleeper, "launched");
    await place("other.service", "2".repeat(32));
    await run("idle.service", unitFiles.sleeper, "inactive");
    await submit("nowhere.service", unitFiles.sleeper, "launched");
    expect(systemd.calls).toEqual([]);
  });

  it("runs global units whose metadata it has, and of two that conflict the first by name", async () => {
    await begin();
    await submit(
      "g-here.service",
      xfleet(unitFiles.sleeper, "Global=true", "MachineMetadata=region=local"),
      "launched",
    );
    await submit(
      "g-there.service",
      xfleet(unitFiles.sleeper, "Global=true", "MachineMetadata=region=far"),
      "launched",
    );
    await submit("g-z.service", xfleet(unitFiles.sleeper, "Global=true", "Conflicts=g-here*"), "launched");
    expect((await systemd.list()).map((unit) => unit.name)).toEqual(["g-here.service"]);
  });

  it("follows each change of the desired state", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    await bossClient.setDesired("a.service", "loaded");
    await settle();
    expect(published("a.service")).toMatchObject({ reached: "loaded", active: "inactive" });
    await bossClient.setDesired("a.service", "launched");
    await settle();
    expect(published("a.service")).toMatchObject({ reached: "launched", active: "active" });
    await bossClient.setDesired("a.service", "inactive");
    await settle();
    expect(published("a.service")).toBeUndefined();
    expect(await systemd.list()).toEqual([]);
  });

  it("replaces a unit whose file changed", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    await submit("a.service", unitFiles.sleeper2, "launched");
    expect(systemd.calls.slice(2)).toEqual([
      "stop a.service",
      "remove a.service",
      "install a.service",
      "start a.service",
    ]);
    expect(published("a.service")?.hash).toBe(hashUnit(optionsOf(unitFiles.sleeper2)));
  });

  it("publishes what systemd tells later", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    systemd.crash("a.service");
    await settle();
    expect(published("a.service")).toMatchObject({ active: "failed", reached: "launched" });
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
  });

  it("takes a failed start as launched and leaves the rest to systemd", async () => {
    await begin();
    await run("bad.service", unitFiles.failing, "launched");
    await clock.advance(120_000);
    expect(published("bad.service")).toMatchObject({ active: "failed", reached: "launched" });
    expect(systemd.calls).toEqual(["install bad.service", "start bad.service"]);
  });

  it("keeps what it published of a unit until its slow stop has ended, and holds nobody up by it", async () => {
    await begin();
    await run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 10\n`, "launched");
    await bossClient.deleteUnit("slow.service");
    await run("b.service", unitFiles.sleeper, "launched");
    expect(published("b.service")).toMatchObject({ active: "active" });
    await clock.advance(9_000);
    await settle();
    expect(published("slow.service")).toMatchObject({ active: "deactivating" });
    await clock.advance(1_000);
    await settle();
    expect(published("slow.service")).toBeUndefined();
    expect((await systemd.list()).map((unit) => unit.name)).toEqual(["b.service"]);
  });

  it("stops a unit whose start takes long as soon as it is not wanted", async () => {
    await begin();
    await run("slow.service", `${unitFiles.sleeper}ExecStartPre=/bin/sleep 60\n`, "launched");
    expect(published("slow.service")).toMatchObject({ reached: "launched", active: "activating" });
    await bossClient.deleteUnit("slow.service");
    await settle();
    expect(published("slow.service")).toBeUndefined();
    expect(await systemd.list()).toEqual([]);
  });

  it("starts again what was wanted back during its slow stop", async () => {
    await begin();
    await run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 5\n`, "launched");
    await bossClient.setDesired("slow.service", "loaded");
    await settle();
    await bossClient.setDesired("slow.service", "launched");
    await clock.advance(5_000);
    await settle();
    expect(published("slow.service")).toMatchObject({ active: "active", reached: "launched" });
  });

  it("tries again when systemd refuses a unit, while all others go on", async () => {
    await begin();
    await run("broken.service", unitFiles.broken, "launched");
    await run("a.service", unitFiles.sleeper, "launched");
    expect(published("broken.service")).toMatchObject({ load: "bad-setting", reached: "launched" });
    expect(await active("a.service")).toBe("active");
    const tries = (): number => systemd.calls.filter((call) => call === "start broken.service").length;
    const before = tries();
    await clock.advance(1_000);
    expect(tries()).toBe(before + 1);
    await submit("broken.service", unitFiles.sleeper, "launched");
    expect(published("broken.service")).toMatchObject({ active: "active" });
  });

  it("goes on by itself after trouble with D-Bus", async () => {
    await begin();
    systemd.breakDown("the bus is gone");
    await run("a.service", unitFiles.sleeper, "launched");
    expect(published("a.service")).toBeUndefined();
    systemd.breakDown(undefined);
    await clock.advance(2_000);
    await settle();
    expect(published("a.service")).toMatchObject({ active: "active" });
  });

  it("touches nothing while etcd is away, however long", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    registry.stop();
    await clock.advance(600_000);
    await settle();
    expect(await active("a.service")).toBe("active");
    registry.start();
    await settle();
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
  });

  it("stops on its return what moved away meanwhile, and touches nothing else", async () => {
    await begin();
    await run("stays.service", unitFiles.sleeper, "launched");
    await run("moves.service", unitFiles.sleeper, "launched");
    registry.cut(client);
    await clock.advance(5_000);
    await term.commit([{ kind: "release", unit: "moves.service", from: me.id, reason: "gone" }]);
    await place("moves.service", "2".repeat(32));
    expect(await active("moves.service")).toBe("active");
    registry.mend(client);
    await settle();
    expect(session.lost.aborted).toBe(true);
    session = await join(client, me);
    serve(false);
    await settle();
    expect(systemd.calls.slice(4)).toEqual(["stop moves.service", "remove moves.service"]);
    expect(published("moves.service")).toBeUndefined();
    expect(published("stays.service")).toMatchObject({ active: "active", reached: "launched" });
  });

  it("adopts after a restart what runs already, without a restart of it", async () => {
    systemd = createMemorySystemd({
      clock,
      units: [
        { name: "a.service", content: canonical(unitFiles.sleeper), running: true },
        { name: "gone.service", content: canonical(unitFiles.sleeper), running: true },
        { name: "old.service", content: canonical(unitFiles.sleeper), running: true },
      ],
    });
    await submit("a.service", unitFiles.sleeper, "launched");
    await place("a.service");
    await submit("old.service", unitFiles.sleeper2, "launched");
    await place("old.service");
    await begin();
    expect(systemd.calls.filter((call) => call.includes(" a.service"))).toEqual([]);
    expect(published("a.service")).toMatchObject({ active: "active", reached: "launched" });
    expect(systemd.calls.filter((call) => call.includes("gone"))).toEqual([
      "stop gone.service",
      "remove gone.service",
    ]);
    expect(published("old.service")?.hash).toBe(hashUnit(optionsOf(unitFiles.sleeper2)));
  });

  it("does not run finished work again when it takes up the session of an earlier fleetd", async () => {
    await begin();
    await run("once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n", "launched");
    expect(published("once.service")).toMatchObject({ active: "inactive", reached: "launched" });
    const leaseId = session.leaseId;
    stop.abort(new Error("fleetd was killed"));
    await settle();
    stop = new AbortController();
    mirror = await client.follow(stop.signal);
    await begin(leaseId);
    expect(session.leaseId).toBe(leaseId);
    expect(systemd.calls).toEqual(["install once.service", "start once.service"]);
    expect(published("once.service")).toMatchObject({ active: "inactive", reached: "launched" });
  });

  it("takes back a state of an earlier fleetd whose unit is no longer here", async () => {
    await begin();
    await session.putState({
      unit: "ghost.service",
      machineID: me.id,
      hash: "0".repeat(40),
      load: "loaded",
      active: "active",
      sub: "running",
      reached: "launched",
    });
    const leaseId = session.leaseId;
    stop.abort(new Error("fleetd was killed"));
    stop = new AbortController();
    mirror = await client.follow(stop.signal);
    await begin(leaseId);
    expect(published("ghost.service")).toBeUndefined();
  });

  it("leaves by stopping all units side by side, telling the end of each at once", async () => {
    await begin();
    await run("slow.service", `${unitFiles.sleeper}ExecStop=/bin/sleep 3\n`, "launched");
    await run("fast.service", unitFiles.sleeper, "launched");
    const left = agent.leave(session, { stopWithin: 60_000, tellWithin: 5_000 });
    await settle();
    expect(registry.snapshot.machines.get(me.id)?.leaving).toBe(true);
    expect(published("fast.service")).toBeUndefined();
    expect(published("slow.service")).toMatchObject({ active: "deactivating" });
    await clock.advance(3_000);
    await left;
    expect(published("slow.service")).toBeUndefined();
    expect(await systemd.list()).toEqual([]);
  });

  it("leaves in bounded time without etcd", async () => {
    await begin();
    await run("a.service", unitFiles.sleeper, "launched");
    registry.cut(client);
    let over = false;
    const left = agent.leave(session, { stopWithin: 60_000, tellWithin: 2_000 }).then(() => (over = true));
    await settle();
    await clock.advance(4_000);
    await settle();
    expect(over).toBe(true);
    await left;
    expect(await systemd.list()).toEqual([]);
  });
});
