import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { EtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import type { Mirror, Session } from "../../src/fleet/registry/registry.ts";
import type { EtcdCluster, EtcdMember } from "../support/etcd.ts";
import { startEtcdCluster } from "../support/etcd.ts";
import { aMachine, aState, aUnit, until } from "../support/registry-samples.ts";

const clock = systemClock();
const never = new AbortController().signal;
const ttl = 4_000;
const machine = aMachine("a");

interface Lab {
  readonly cluster: EtcdCluster;
  readonly registry: EtcdRegistry;
  readonly mirror: Mirror;
  readonly session: Session;
}

/** Whom the client asks first: the worst case is that this is the one that fails. */
async function startLab(
  first: (members: readonly EtcdMember[], leader: EtcdMember) => EtcdMember,
): Promise<Lab> {
  const cluster = await startEtcdCluster(3);
  const nearest = first(cluster.members, await cluster.leader());
  const rest = cluster.endpoints.filter((url) => url !== nearest.url);
  const registry = createEtcdRegistry({ endpoints: [nearest.url, ...rest], clock, log: silentLog() });
  const mirror = await registry.follow(never);
  const result = await registry.join({ machine, ttl }, never);
  if (result.kind !== "joined") throw new Error("it did not join");
  await until(mirror, ({ machines }) => machines.has(machine.id));
  return { cluster, registry, mirror, session: result.session };
}

describe("three etcd members in trouble", () => {
  let lab: Lab;
  const end = async (): Promise<void> => {
    await lab.registry.close();
    for (const member of lab.cluster.members) member.thaw();
    await lab.cluster.stop();
  };

  /** Puts a state and waits until it is seen, ms. */
  const roundTrip = async (name: string): Promise<{ put: number; seen: number }> => {
    const started = performance.now();
    await lab.session.putState(aState(name, machine.id));
    const put = performance.now() - started;
    await until(lab.mirror, ({ states }) => states.has(name));
    return { put, seen: performance.now() - started };
  };
  const measure = async (what: string): Promise<void> => {
    const { put, seen } = await roundTrip(`${what.replaceAll(" ", "-")}.service`);
    console.log(`${what}: put ${put.toFixed(0)} ms, seen ${seen.toFixed(0)} ms`);
    expect(put).toBeLessThan(3_000);
    expect(seen).toBeLessThan(4_000);
  };
  /** Longer than the lease lives, so that it has lived through beats only. */
  const outlive = async (): Promise<void> => {
    const from = performance.now();
    await waitFor(() => (performance.now() - from > ttl + 2_000 ? true : undefined), {
      clock,
      every: 100,
      within: 20_000,
    });
    expect(lab.session.lost.aborted).toBe(false);
    expect(lab.mirror.snapshot.machines.has(machine.id)).toBe(true);
  };

  describe("when the leader, which is asked first, fails", () => {
    beforeEach(async () => {
      lab = await startLab((_, leader) => leader);
    });
    afterEach(end);

    it("goes on after kill -9", async () => {
      const since = lab.session.unbrokenSince;
      await (await lab.cluster.leader()).kill();
      await measure("leader killed");
      await outlive();
      await measure("leader dead for long");
      expect(lab.session.unbrokenSince).toBe(since);
    });

    it("goes on while it is frozen, and after", async () => {
      const since = lab.session.unbrokenSince;
      const leader = await lab.cluster.leader();
      leader.freeze();
      await measure("leader frozen");
      await outlive();
      leader.thaw();
      await measure("leader thawed");
      expect(lab.session.unbrokenSince).toBe(since);
      expect(lab.mirror.fresh).toBe(true);
    });
  });

  describe("when a follower, which is asked first, fails", () => {
    beforeEach(async () => {
      lab = await startLab((members, leader) => members.find((member) => member !== leader) ?? leader);
    });
    afterEach(end);

    it("loses nothing that others write while it is frozen", async () => {
      const other = createEtcdRegistry({
        endpoints: lab.cluster.endpoints.toReversed(),
        clock,
        log: silentLog(),
      });
      const leader = await lab.cluster.leader();
      const frozen = lab.cluster.members.find((member) => member !== leader);
      frozen?.freeze();
      const names = Array.from({ length: 50 }, (_, index) => `u${index}.service`);
      for (const name of names) await other.putUnit(aUnit(name));
      await other.deleteUnit("u0.service");
      const seen = await until(
        lab.mirror,
        ({ units }) => units.has("u49.service") && !units.has("u0.service"),
      );
      expect(seen.units.size).toBe(49);
      await other.close();
    });
  });

  describe("when all fail", () => {
    beforeEach(async () => {
      lab = await startLab((_, leader) => leader);
    });
    afterEach(end);

    it("says that it is stale without quorum, fails calls, and keeps the session", async () => {
      const leader = await lab.cluster.leader();
      const killed = lab.cluster.members.filter((member) => member !== leader);
      const before = lab.session.unbrokenSince;
      await Promise.all(killed.map((member) => member.kill()));
      const lostAt = performance.now();
      while (lab.mirror.fresh) await lab.mirror.changed(never);
      console.log(`without quorum: stale after ${(performance.now() - lostAt).toFixed(0)} ms`);
      expect(lab.mirror.snapshot.machines.has(machine.id)).toBe(true);
      await expect(lab.registry.putUnit(aUnit("a.service"))).rejects.toMatchObject({ code: "E_ETCD" });
      for (const member of killed) member.start();
      while (!lab.mirror.fresh) await lab.mirror.changed(never);
      await measure("quorum again");
      expect(lab.session.lost.aborted).toBe(false);
      expect(lab.session.unbrokenSince).toBeGreaterThan(before);
    });

    it("knows of the lost lease when all were frozen for longer than it lives, and can join again", async () => {
      for (const member of lab.cluster.members) member.freeze();
      while (lab.mirror.fresh) await lab.mirror.changed(never);
      const frozen = performance.now();
      const past = (): true | undefined => (performance.now() - frozen > ttl + 1_000 ? true : undefined);
      await waitFor(past, { clock, every: 100, within: 20_000 });
      expect(lab.session.lost.aborted).toBe(false);
      const lost = new Promise((resolve) => lab.session.lost.addEventListener("abort", resolve));
      for (const member of lab.cluster.members) member.thaw();
      await lost;
      const again = await lab.registry.join(
        { machine, ttl, resume: { leaseId: lab.session.leaseId } },
        never,
      );
      expect(again).toMatchObject({ kind: "joined", resumed: false });
      // Until it is fresh again the mirror shows what was there before.
      await until(lab.mirror, ({ machines }) => lab.mirror.fresh && machines.has(machine.id));
    });
  });
});
