import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Life, LifeOptions } from "../../src/bin/fleetd-life.ts";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createEtcdRegistry, type EtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createMemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aFleetd, anEngine } from "../support/a-fleetd.ts";
import { startEtcdCluster, type EtcdCluster } from "../support/etcd.ts";
import { aMachine } from "../support/fleet-world.ts";

const clock = systemClock();
/** As machines without hardware virtualisation have it, which are treated two and a half times as patiently. */
const ttl = 10_000;
const patience = 2.5;

interface Node {
  readonly id: string;
  readonly registry: EtcdRegistry;
  readonly life: Life;
  readonly running: Promise<void>;
}

describe("fleetd is stopped while etcd does not answer", () => {
  let etcd: EtcdCluster;
  let nodes: Node[];

  beforeEach(async () => {
    etcd = await startEtcdCluster(1);
    nodes = [];
  });
  afterEach(async () => {
    for (const member of etcd.members) member.thaw();
    for (const { registry } of nodes) await registry.close();
    await etcd.stop();
  });

  const freeze = async (): Promise<void> => etcd.members.forEach((member) => member.freeze());
  const kill = async (): Promise<void> => void (await Promise.all(etcd.members.map((each) => each.kill())));
  const aNode = (
    digit: string,
    runEngine: LifeOptions["runEngine"] | "none" = anEngine({ clock, ttl }),
  ): Node => {
    const id = digit.repeat(32);
    const registry = createEtcdRegistry({ endpoints: etcd.endpoints, patience, clock, log: silentLog() });
    const life = aFleetd({
      machine: aMachine(id, { nonce: id }),
      registry,
      systemd: createMemorySystemd({ clock }),
      runEngine: runEngine === "none" ? undefined : runEngine,
      ttl,
      clock,
    });
    const node = { id, registry, life, running: life.run() };
    node.running.catch(() => undefined);
    nodes.push(node);
    return node;
  };
  const until = async (what: string, look: () => boolean): Promise<void> => {
    const options = { clock, every: 20, within: 20_000 };
    const found = await waitFor(() => (look() ? true : undefined), options);
    if (found === undefined) throw new Error(`waited in vain: ${what}`);
  };
  const leads = (node: Node): boolean => node.life.mirror?.snapshot.leader === node.id;
  /** Ends as fleetd does: the goodbye, then all that still runs. Gives how long that took, ms. */
  const ending = async ({ life, running }: Node, how: "leave" | "suspend"): Promise<number> => {
    const asked = clock.monotonic();
    await life[how]();
    await running;
    return clock.monotonic() - asked;
  };

  it.each([
    ["frozen", freeze],
    ["dead", kill],
  ])("is over within 5 s when it leads and etcd is %s", async (_, silence) => {
    const node = aNode("1");
    await until("it leads", () => leads(node));
    await silence();
    expect(await ending(node, "leave")).toBeLessThan(5_000);
  });

  it("is over within 5 s when it waits for the lead", async () => {
    const leader = aNode("1");
    await until("the first leads", () => leads(leader));
    const node = aNode("2");
    await until("the second sees both", () => node.life.mirror?.snapshot.machines.size === 2);
    await freeze();
    const times = await Promise.all([ending(node, "leave"), ending(leader, "suspend")]);
    expect(Math.max(...times)).toBeLessThan(5_000);
  });

  it("is over within 5 s while its request to lead is under way", async () => {
    const runEngine = anEngine({ clock, ttl });
    let asked = false;
    const node = aNode("1", async (session, mirror, signal) => {
      await freeze();
      asked = true;
      await runEngine(session, mirror, signal);
    });
    await until("it has asked", () => asked);
    expect(await ending(node, "leave")).toBeLessThan(5_000);
  });

  it("is over within 5 s without an engine, and before it could join", async () => {
    const node = aNode("1", "none");
    await until("it has joined", () => node.life.mirror !== undefined);
    await freeze();
    const late = aNode("2");
    const times = await Promise.all([ending(node, "leave"), ending(late, "leave")]);
    expect(Math.max(...times)).toBeLessThan(5_000);
  });
});
