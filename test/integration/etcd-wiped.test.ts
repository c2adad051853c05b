import { afterEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createMemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aFleetd, anEngine } from "../support/a-fleetd.ts";
import { startEtcdCluster, type EtcdCluster } from "../support/etcd.ts";
import { aMachine } from "../support/fleet-world.ts";

const clock = systemClock();
const ttl = 4_000;
const sleeper = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 1000" }];

describe("etcd has lost its data", () => {
  let etcd: EtcdCluster;
  let end: () => Promise<void>;

  afterEach(async () => {
    await end();
    await etcd.stop();
  });

  const until = async (what: string, look: () => boolean): Promise<void> => {
    const found = await waitFor(() => (look() ? true : undefined), { clock, every: 20, within: 20_000 });
    if (found === undefined) throw new Error(`waited in vain: ${what}`);
  };

  it("keeps the units running, and follows the new registry as soon as it knows them again", async () => {
    etcd = await startEtcdCluster(1);
    const machine = aMachine("1".repeat(32));
    const registry = createEtcdRegistry({ endpoints: etcd.endpoints, clock, log: silentLog() });
    const systemd = createMemorySystemd({ clock });
    const life = aFleetd({ machine, registry, systemd, runEngine: anEngine({ clock, ttl }), ttl, clock });
    const running = life.run();
    end = async () => {
      await life.suspend();
      await running;
      await registry.close();
    };
    const active = (unit: string): boolean =>
      life.mirror?.snapshot.states.get(unit)?.get(machine.id)?.active === "active";
    await until("it has joined", () => life.mirror !== undefined);
    // As many revisions as the new etcd will not have for long.
    for (let turn = 0; turn < 50; turn++)
      await registry.putUnit({ name: "a.service", options: sleeper, desired: "launched" });
    await registry.putUnit({ name: "b.service", options: sleeper, desired: "launched" });
    await until("both run", () => active("a.service") && active("b.service"));
    const before = [...systemd.calls];

    await etcd.members[0]?.kill();
    await etcd.members[0]?.wipe();
    etcd.members[0]?.start();
    await until("it has joined the new etcd", () => {
      const { mirror } = life;
      return mirror?.fresh === true && mirror.snapshot.units.size === 0 && mirror.snapshot.states.size === 2;
    });
    expect(systemd.calls).toEqual(before);

    await registry.putUnit({ name: "a.service", options: sleeper, desired: "launched" });
    await until("it is placed again", () => life.mirror?.snapshot.placements.has("a.service") === true);
    await until("it runs again", () => active("a.service"));
    expect(systemd.calls.slice(before.length).filter((call) => call.includes("b.service"))).toEqual([]);
  });
});
