import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createEngine } from "../../src/fleet/engine/engine.ts";
import type { EtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import type { Session } from "../../src/fleet/registry/registry.ts";
import { createMemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aFleetd } from "../support/a-fleetd.ts";
import { startEtcdCluster, type EtcdCluster } from "../support/etcd.ts";
import { aMachine, aUnit, until } from "../support/registry-samples.ts";

const clock = systemClock();
const never = new AbortController().signal;
const ttl = 4_000;
const prefix = "/flotilla/fleet/v1/";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("fleets of several versions on one etcd", () => {
  let cluster: EtcdCluster;
  let stop: AbortController;
  let clients: EtcdRegistry[];
  let engines: Promise<void>[];

  beforeAll(async () => {
    cluster = await startEtcdCluster(1);
    [stop, clients, engines] = [new AbortController(), [], []];
  });
  afterEach(async () => {
    stop.abort(new Error("the test is over"));
    await Promise.all(engines);
    await Promise.all(clients.map((client) => client.close()));
    [stop, clients, engines] = [new AbortController(), [], []];
  });
  afterAll(() => cluster.stop());

  const open = (): EtcdRegistry => {
    const client = createEtcdRegistry({ endpoints: cluster.endpoints, clock, log: silentLog() });
    clients.push(client);
    return client;
  };
  const putRaw = (key: string, value: unknown): Promise<unknown> =>
    cluster.call("kv/put", { key: base64(prefix + key), value: base64(JSON.stringify(value)) });
  const readRaw = async (key: string): Promise<unknown> => {
    const answer = await cluster.call("kv/range", { key: base64(prefix + key) });
    const [found] = (answer as { kvs?: { value: string }[] }).kvs ?? [];
    return JSON.parse(Buffer.from(found?.value ?? "", "base64").toString());
  };
  const fleetd = async (name: string, version: number): Promise<Session> => {
    const client = open();
    const joined = await client.join({ machine: aMachine(name, { engine: version }), ttl }, never);
    if (joined.kind !== "joined") throw new Error(`${name} has not joined`);
    const mirror = await client.follow(never);
    const engine = createEngine({ clock, log: silentLog(), ttl, version });
    engines.push(engine.run(joined.session, mirror, stop.signal));
    return joined.session;
  };

  it("leaves the lead to the newest engine, and to the next when that goes", async () => {
    const mirror = await open().follow(never);
    const [first, second] = [await fleetd("a", 1), await fleetd("b", 2)];
    await until(mirror, ({ leader }) => leader === second.machineID);
    expect(await readRaw("engine/leader")).toMatchObject({ machineID: second.machineID, engine: 2 });
    const third = await fleetd("c", 3);
    await until(mirror, ({ leader }) => leader === third.machineID);
    await third.end();
    await until(mirror, ({ leader }) => leader === second.machineID);
    await second.end();
    await until(mirror, ({ leader }) => leader === first.machineID);
    expect(await readRaw("engine/leader")).toMatchObject({ machineID: first.machineID, engine: 1 });
  });

  it("keeps what a later fleet has written of a unit when it changes what the unit shall be", async () => {
    const client = open();
    const unit = aUnit("a.service");
    await client.putUnit(unit);
    await putRaw("units/a.service", { ...unit, weight: 3, options: [...unit.options] });
    const mirror = await client.follow(never);
    await mirror.reached((await client.setDesired("a.service", "loaded")) ?? 0n, never);
    expect(mirror.snapshot.units.get("a.service")).toEqual({ ...unit, desired: "loaded" });
    expect(await readRaw("units/a.service")).toEqual({ ...unit, desired: "loaded", weight: 3 });
  });

  it("names a registry that an earlier fleet has made, and never again", async () => {
    await cluster.call("kv/deleterange", { key: base64(`${prefix}id`) });
    const mirror = await open().follow(never);
    expect(mirror.origin).toMatch(/^[0-9a-f-]{36}$/);
    expect((await open().follow(never)).origin).toBe(mirror.origin);
  });

  // Last, since no other can use the registry after that.
  it("keeps a machine's lease, and nothing else of the registry, when a newer fleet takes that over", async () => {
    const [registry, systemd] = [open(), createMemorySystemd({ clock })];
    const machine = aMachine("d");
    const life = aFleetd({ machine, registry, systemd, runEngine: undefined, ttl, clock });
    const running = life.run();
    const until = async (what: string, look: () => boolean, within = 10_000): Promise<void> => {
      const found = await waitFor(() => (look() ? true : undefined), { clock, every: 20, within });
      if (found === undefined) throw new Error(`waited in vain: ${what}`);
    };
    await until("it has joined", () => life.mirror?.snapshot.machines.has(machine.id) === true);
    await putRaw("version", 2);
    await until("it knows", () => life.absence?.kind === "refused");
    const from = clock.monotonic();
    await until("its lease would have ended", () => clock.monotonic() - from > 2 * ttl);
    expect(await readRaw(`machines/${machine.id}`)).toMatchObject({ id: machine.id, leaving: false });
    await life.leave();
    await running;
    await expect(readRaw(`machines/${machine.id}`)).rejects.toThrow("JSON");
  });
});
