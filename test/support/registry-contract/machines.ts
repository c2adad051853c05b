import { describe, expect, it } from "vitest";
import { aMachine, aState, aUnit, until } from "../registry-samples.ts";
import { ttl, type RegistryStage } from "./stage.ts";

/** Machines, their leases, and what they publish under them. */
export function describeMachines(stage: RegistryStage): void {
  describe("machines", () => {
    it("shows a machine from its joining to its end, with all that it published", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const machine = aMachine("a");
      const session = await stage.joined({ machine, ttl });
      await session.putState(aState("x.service", machine.id));
      const seen = await until(mirror, ({ states }) => states.size === 1);
      expect(seen.machines.get(machine.id)).toEqual({ ...machine, joined: expect.any(Number) as number });
      expect(seen.states.get("x.service")?.get(machine.id)).toEqual(aState("x.service", machine.id));
      await session.end();
      await session.end();
      await until(mirror, ({ machines, states }) => machines.size === 0 && states.size === 0);
      expect(session.lost.aborted).toBe(true);
    });

    it("holds the lease of an earlier session for who does nothing else with it", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const { leaseId } = session;
      const other = await stage.subject.client();
      const before = (await until(mirror, ({ machines }) => machines.size === 1)).revision;
      const hold = await other.hold({ leaseId, ttl }, stage.stop.signal);
      expect(await other.hold({ leaseId: "1234567", ttl }, stage.stop.signal)).toBeUndefined();
      expect([hold?.lost.aborted, mirror.snapshot.revision]).toEqual([false, before]);
      await hold?.end();
      expect(hold?.lost.aborted).toBe(true);
      await until(mirror, ({ machines }) => machines.size === 0);
      expect(await other.hold({ leaseId, ttl }, stage.stop.signal)).toBeUndefined();
    });

    it("tells which machine has been there longer, also after its record has changed", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const first = await stage.joined({ machine: aMachine("b"), ttl });
      await stage.joined({ machine: aMachine("a"), ttl });
      await first.updateMachine(aMachine("b", { leaving: true }));
      const { machines } = await until(
        mirror,
        (seen) => seen.machines.get(aMachine("b").id)?.leaving === true,
      );
      const order = [...machines.values()].toSorted((one, other) => one.joined - other.joined);
      expect(order.map(({ id }) => id)).toEqual([aMachine("b").id, aMachine("a").id]);
    });

    it("updates the machine's record and withdraws states", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      await session.putState(aState("x.service", aMachine("a").id));
      await session.putState(aState("y.service", aMachine("a").id));
      await session.updateMachine(aMachine("a", { leaving: true }));
      await session.deleteState("x.service");
      await session.deleteState("never-there.service");
      const seen = await until(
        mirror,
        ({ machines, states }) => machines.size === 1 && !states.has("x.service"),
      );
      expect(seen.machines.get(aMachine("a").id)?.leaving).toBe(true);
      expect([...seen.states.keys()]).toEqual(["y.service"]);
    });

    it("deletes only its own states of a unit", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const a = await stage.joined({ machine: aMachine("a"), ttl });
      const b = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      await a.putState(aState("x.service", aMachine("a").id));
      await b.putState(aState("x.service", aMachine("b").id));
      await a.deleteState("x.service");
      await b.putState(aState("y.service", aMachine("b").id));
      const seen = await until(mirror, ({ states }) => states.has("y.service"));
      expect([...(seen.states.get("x.service")?.keys() ?? [])]).toEqual([aMachine("b").id]);
    });

    it("loses the session, and all under it, when the lease ends", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      await until(mirror, ({ machines }) => machines.size === 1);
      const lost = new Promise((resolve) => session.lost.addEventListener("abort", resolve));
      await stage.subject.expire(session.leaseId);
      await stage.subject.settle(lost);
      await until(mirror, ({ machines }) => machines.size === 0);
      await expect(session.putState(aState("x.service", "m"))).rejects.toMatchObject({ code: "E_ETCD" });
    });

    it("resumes the lease of an earlier fleetd of the same boot: nothing vanishes meanwhile", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const earlier = await stage.subject.client();
      const session = await stage.joined({ machine: aMachine("a"), ttl }, earlier);
      await session.putState(aState("x.service", aMachine("a").id));
      await earlier.close();
      const again = await stage.subject.settle(
        stage.registry.join(
          { machine: aMachine("a"), ttl, resume: { leaseId: session.leaseId } },
          stage.stop.signal,
        ),
      );
      expect(again).toMatchObject({ kind: "joined", resumed: true, session: { leaseId: session.leaseId } });
      await mirror.reached(await stage.registry.putUnit(aUnit("later.service")), stage.stop.signal);
      expect(mirror.snapshot.states.get("x.service")?.size).toBe(1);
    });

    it("starts anew when the lease that it would resume is gone", async () => {
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      await session.end();
      const resume = { leaseId: session.leaseId };
      const again = await stage.subject.settle(
        stage.registry.join({ machine: aMachine("a"), ttl, resume }, stage.stop.signal),
      );
      expect(again).toMatchObject({ kind: "joined", resumed: false });
    });

    it("takes over its own record at once when it lost the lease's id", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const earlier = await stage.subject.client();
      await stage.joined({ machine: aMachine("a"), ttl }, earlier);
      await earlier.close();
      const session = await stage.joined({ machine: aMachine("a", { publicIP: "10.0.0.9" }), ttl });
      const seen = await until(
        mirror,
        ({ machines }) => machines.get(aMachine("a").id)?.publicIP === "10.0.0.9",
      );
      expect(seen.machines.size).toBe(1);
      expect(session.lost.aborted).toBe(false);
    });

    it("waits for the record of the boot before this one to go", async () => {
      const earlier = await stage.subject.client();
      await stage.joined({ machine: aMachine("a"), ttl }, earlier);
      await earlier.close();
      const rebooted = aMachine("a", { bootId: "second", nonce: "second" });
      await stage.joined({ machine: rebooted, ttl });
      const mirror = await stage.registry.follow(stage.stop.signal);
      expect(mirror.snapshot.machines.get(rebooted.id)).toMatchObject({ nonce: rebooted.nonce });
    });

    it("refuses a second machine with the same id and leaves the first alone", async () => {
      const first = await stage.joined({ machine: aMachine("a"), ttl }, await stage.subject.client());
      const twin = aMachine("a", { bootId: "twin", nonce: "twin" });
      const result = await stage.subject.settle(
        stage.registry.join({ machine: twin, ttl }, stage.stop.signal),
      );
      expect(result).toEqual({
        kind: "duplicate",
        machine: { ...aMachine("a"), joined: expect.any(Number) as number },
      });
      expect(first.lost.aborted).toBe(false);
    });
  });
}
