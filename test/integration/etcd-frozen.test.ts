import { afterEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { Life } from "../../src/bin/fleetd-life.ts";
import { createEtcdRegistry, type EtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createMemorySystemd, type MemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aFleetd, anEngine } from "../support/a-fleetd.ts";
import { startEtcdCluster, type EtcdCluster } from "../support/etcd.ts";
import { aMachine } from "../support/fleet-world.ts";

const clock = systemClock();
const ttl = 4_000;
const sleeper = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 1000" }];

/** One fleetd whose systemd is imagined and whose etcd is real. */
interface Node {
  readonly id: string;
  readonly registry: EtcdRegistry;
  readonly systemd: MemorySystemd;
  readonly life: Life;
}

function aNode(digit: string, etcd: EtcdCluster): Node {
  const id = digit.repeat(32);
  const registry = createEtcdRegistry({ endpoints: etcd.endpoints, clock, log: silentLog() });
  const systemd = createMemorySystemd({ clock });
  const machine = aMachine(id, { nonce: id });
  const life = aFleetd({ machine, registry, systemd, runEngine: anEngine({ clock, ttl }), ttl, clock });
  return { id, registry, systemd, life };
}

describe("all of etcd is frozen for longer than leases live", () => {
  let etcd: EtcdCluster;
  let nodes: Node[];
  let runs: Promise<void>[];

  afterEach(async () => {
    for (const member of etcd.members) member.thaw();
    await Promise.all(nodes.map(({ life }) => life.suspend()));
    await Promise.all(runs);
    await Promise.all(nodes.map(({ registry }) => registry.close()));
    await etcd.stop();
  });

  const until = async (what: string, look: () => boolean, within = 20_000): Promise<void> => {
    const found = await waitFor(() => (look() ? true : undefined), { clock, every: 20, within });
    if (found === undefined) throw new Error(`waited in vain: ${what}`);
  };
  const calls = (): readonly string[] =>
    nodes.flatMap(({ id, systemd }) => systemd.calls.map((call) => `${id[0]} ${call}`));
  const everybodyIn = (): boolean =>
    nodes.every(({ life }) => life.mirror?.fresh === true && life.mirror.snapshot.machines.size === 3);

  it("touches no unit, then or after the thaw", async () => {
    etcd = await startEtcdCluster(3);
    nodes = ["1", "2", "3"].map((digit) => aNode(digit, etcd));
    runs = nodes.map(({ life }) => life.run());
    await until("all have joined", everybodyIn);
    const units = Array.from({ length: 6 }, (_, index) => `u${index}.service`);
    for (const name of units)
      await nodes[0]?.registry.putUnit({ name, options: sleeper, desired: "launched" });
    // A machine may have started a unit before the first one has heard where it was placed.
    await until(
      "all units run, and the first machine knows it",
      () =>
        calls().filter((call) => call.includes("start")).length === units.length &&
        nodes[0]?.life.mirror?.snapshot.states.size === units.length,
    );
    const [before, placed] = [calls(), [...(nodes[0]?.life.mirror?.snapshot.placements ?? [])]];

    for (const member of etcd.members) member.freeze();
    const frozen = clock.monotonic();
    await until("the time is over", () => clock.monotonic() - frozen > 2 * ttl);
    for (const member of etcd.members) member.thaw();
    await until("all are back", everybodyIn);
    const back = clock.monotonic();
    await until("an engine would have moved something", () => clock.monotonic() - back > 2 * ttl);

    expect(calls()).toEqual(before);
    expect([...(nodes[0]?.life.mirror?.snapshot.placements ?? [])]).toEqual(placed);
    expect(nodes[0]?.life.mirror?.snapshot.states.size).toBe(units.length);
  });
});
