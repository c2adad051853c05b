import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/foundation/clock.ts";
import { lineLog, silentLog } from "../../src/foundation/log.ts";
import type { EtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import type { EtcdCluster } from "../support/etcd.ts";
import { startEtcdCluster } from "../support/etcd.ts";
import { openWire } from "../support/wire.ts";
import { describeRegistry } from "../support/registry-contract/registry-contract.ts";
import { aMachine, aState, aUnit, until } from "../support/registry-samples.ts";

const clock = systemClock();
const never = new AbortController().signal;

describe("with one etcd member", () => {
  let cluster: EtcdCluster;
  let prefixes = 0;
  const clients: EtcdRegistry[] = [];
  const open = (prefix: string, log = silentLog()): EtcdRegistry => {
    const client = createEtcdRegistry({ endpoints: cluster.endpoints, clock, log, prefix });
    clients.push(client);
    return client;
  };
  const newPrefix = (): string => `/test/${(prefixes += 1)}/`;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const putRaw = (key: string, value: string): Promise<unknown> =>
    cluster.call("kv/put", { key: base64(key), value: base64(value) });

  beforeAll(async () => {
    cluster = await startEtcdCluster(1);
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster.stop();
  });

  describeRegistry("the registry in etcd", async () => {
    const prefix = newPrefix();
    const mine: EtcdRegistry[] = [];
    return {
      client: async () => {
        const client = open(prefix);
        mine.push(client);
        return client;
      },
      expire: async (leaseId) => {
        await cluster.call("lease/revoke", { ID: BigInt(`0x${leaseId}`).toString() });
      },
      settle: (promise) => promise,
      close: async () => {
        await Promise.all(mine.map((client) => client.close()));
      },
    };
  });

  it("passes over records that are not its own, and logs each once", async () => {
    const prefix = newPrefix();
    const lines: string[] = [];
    const client = open(
      prefix,
      lineLog({ write: (line) => lines.push(line), level: "warn", style: "plain" }),
    );
    await client.putUnit(aUnit("good.service"));
    await putRaw(`${prefix}units/bad.service`, "{not json");
    await putRaw(`${prefix}units/other.service`, JSON.stringify(aUnit("misnamed.service")));
    await putRaw(`${prefix}cellar/unknown`, "wine");
    const mirror = await client.follow(never);
    await putRaw(`${prefix}units/bad.service`, "{still not json");
    await mirror.reached(await client.putUnit(aUnit("last.service")), never);
    expect([...mirror.snapshot.units.keys()].toSorted()).toEqual(["good.service", "last.service"]);
    expect(lines.filter((line) => line.includes("bad.service"))).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });

  it("leaves the registry of a newer fleet alone", async () => {
    const prefix = newPrefix();
    await putRaw(`${prefix}version`, "2");
    const refusal = { code: "E_NOT_SUPPORTED", hint: expect.stringContaining("upgrade") };
    await expect(open(prefix).putUnit(aUnit("a.service"))).rejects.toMatchObject(refusal);
    await expect(open(prefix).follow(never)).rejects.toMatchObject(refusal);
  });

  it("stops following when a newer fleet takes the registry over", async () => {
    const prefix = newPrefix();
    const mirror = await open(prefix).follow(never);
    const ended = mirror.reached(1_000_000n, never).catch((error: unknown) => error);
    await putRaw(`${prefix}version`, "2");
    expect(await ended).toMatchObject({ code: "E_NOT_SUPPORTED" });
    expect(mirror.fresh).toBe(false);
  });

  it("takes a large unit, and says so when one is too large", async () => {
    const client = open(newPrefix());
    const option = (size: number) => [{ section: "Service", name: "Environment", value: "x".repeat(size) }];
    await expect(client.putUnit(aUnit("large.service", { options: option(1_300_000) }))).resolves.toBeTypeOf(
      "bigint",
    );
    const tooLarge = client.putUnit(aUnit("huge.service", { options: option(2_000_000) }));
    await expect(tooLarge).rejects.toMatchObject({ code: "E_UNIT_INVALID" });
  });

  it("reads everything afresh when history was compacted while it was cut off", async () => {
    const prefix = newPrefix();
    const wire = await openWire(cluster.endpoints[0] ?? "");
    const far = createEtcdRegistry({ endpoints: [wire.url], clock, log: silentLog(), prefix });
    clients.push(far);
    const near = open(prefix);
    await near.putUnit(aUnit("early.service"));
    const mirror = await far.follow(never);
    expect([...mirror.snapshot.units.keys()]).toEqual(["early.service"]);
    wire.cut();
    while (mirror.fresh) await mirror.changed(never);
    await near.deleteUnit("early.service");
    const revision = await near.putUnit(aUnit("late.service"));
    await cluster.call("kv/compaction", { revision: revision.toString(), physical: true });
    wire.mend();
    await mirror.reached(revision, never);
    expect([...mirror.snapshot.units.keys()]).toEqual(["late.service"]);
    while (!mirror.fresh) await mirror.changed(never);
    await wire.close();
  });

  it("asks at once for a session that is in doubt, long before the next beat", async () => {
    const lazy: Clock = { ...clock, sleep: (ms, signal) => clock.sleep(ms === 1_000 ? 1e9 : ms, signal) };
    const prefix = newPrefix();
    const client = createEtcdRegistry({
      endpoints: cluster.endpoints,
      clock: lazy,
      log: silentLog(),
      prefix,
    });
    clients.push(client);
    const joined = await client.join({ machine: aMachine("a"), ttl: 600_000 }, never);
    if (joined.kind !== "joined") throw new Error("it did not join");
    const { session } = joined;
    session.doubt();
    await session.updateMachine(aMachine("a"));
    expect(session.lost.aborted).toBe(false);
    await cluster.call("lease/revoke", { ID: BigInt(`0x${session.leaseId}`).toString() });
    session.doubt();
    await new Promise((done) => session.lost.addEventListener("abort", done, { once: true }));
    expect(session.lost.aborted).toBe(true);
  });

  it("notices a line that went dead without a word", async () => {
    const wire = await openWire(cluster.endpoints[0] ?? "");
    const far = createEtcdRegistry({ endpoints: [wire.url], clock, log: silentLog(), prefix: newPrefix() });
    clients.push(far);
    const mirror = await far.follow(never);
    wire.silence();
    const since = performance.now();
    while (mirror.fresh) await mirror.changed(never);
    expect(performance.now() - since).toBeLessThan(4_000);
    await expect(far.putUnit(aUnit("a.service"))).rejects.toMatchObject({ code: "E_ETCD" });
    wire.mend();
    while (!mirror.fresh) await mirror.changed(never);
    await mirror.reached(await far.putUnit(aUnit("a.service")), never);
    expect(mirror.snapshot.units.size).toBe(1);
    await wire.close();
  });

  it("publishes a thousand states in less than two seconds", async () => {
    const client = open(newPrefix());
    const mirror = await client.follow(never);
    const joined = await client.join({ machine: aMachine("a"), ttl: 4_000 }, never);
    if (joined.kind !== "joined") throw new Error("it did not join");
    const started = performance.now();
    const names = Array.from({ length: 1_000 }, (_, index) => `u${index}.service`);
    await Promise.all(names.map((name) => joined.session.putState(aState(name, aMachine("a").id))));
    await until(mirror, ({ states }) => states.size === 1_000);
    const took = performance.now() - started;
    console.log(`1,000 states in ${took.toFixed(0)} ms`);
    expect(took).toBeLessThan(2_000);
  });
});
