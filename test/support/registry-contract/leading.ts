import { describe, expect, it } from "vitest";
import { aMachine, aUnit, place, until } from "../registry-samples.ts";
import { ttl, type RegistryStage } from "./stage.ts";

/** Who leads, and what the leader writes. */
export function describeLeading(stage: RegistryStage): void {
  describe("leading", () => {
    it("lets one lead, and the next when that one resigns", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const a = await stage.joined({ machine: aMachine("a"), ttl });
      const b = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      const first = await a.campaign(stage.stop.signal);
      const waiting = b.campaign(stage.stop.signal);
      await until(mirror, ({ leader }) => leader === aMachine("a").id);
      expect(first.over.aborted).toBe(false);
      await first.resign();
      const second = await waiting;
      await until(mirror, ({ leader }) => leader === aMachine("b").id);
      expect(first.over.aborted).toBe(true);
      expect(await first.commit([place("a.service", "m")])).toBe("deposed");
      expect(await second.commit([])).toBe(0n);
    });

    it("ends the term with the lease, and another takes over", async () => {
      const a = await stage.joined({ machine: aMachine("a"), ttl });
      const b = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      const term = await a.campaign(stage.stop.signal);
      const next = b.campaign(stage.stop.signal);
      const over = new Promise((resolve) => term.over.addEventListener("abort", resolve));
      await stage.subject.expire(a.leaseId);
      await next;
      expect(await term.commit([place("a.service", "m")])).toBe("deposed");
      await stage.subject.settle(over);
      expect(term.over.aborted).toBe(true);
    });

    it("leads again at once after its lease was resumed, and the earlier term is over", async () => {
      const earlier = await stage.subject.client();
      const session = await stage.joined({ machine: aMachine("a"), ttl }, earlier);
      const before = await session.campaign(stage.stop.signal);
      const resume = { leaseId: session.leaseId };
      const again = await stage.joined({ machine: aMachine("a"), ttl, resume });
      const term = await again.campaign(stage.stop.signal);
      expect(await before.commit([place("a.service", "m")])).toBe("deposed");
      expect(await term.commit([])).toBe(0n);
    });

    it("ends an earlier fleetd's term when its lease is resumed, also by one without an engine", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const earlier = await stage.subject.client();
      const session = await stage.joined({ machine: aMachine("a"), ttl }, earlier);
      const other = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      await session.campaign(stage.stop.signal);
      const next = other.campaign(stage.stop.signal);
      await until(mirror, ({ leader }) => leader === aMachine("a").id);
      const resume = { leaseId: session.leaseId };
      await stage.joined({ machine: aMachine("a", { engine: 0 }), ttl, resume });
      expect(await (await next).commit([])).toBe(0n);
      const seen = await until(mirror, ({ leader }) => leader === aMachine("b").id);
      expect(seen.machines.get(aMachine("a").id)?.engine).toBe(0);
    });

    it("withdraws from a lead that it has, and touches nobody else's", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const a = await stage.joined({ machine: aMachine("a", { engine: 7 }), ttl });
      const b = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      const term = await a.campaign(stage.stop.signal);
      await b.withdraw();
      expect(await term.commit([])).toBe(0n);
      const seen = await until(
        mirror,
        ({ leader, machines }) => leader === a.machineID && machines.size === 2,
      );
      expect([a, b].map(({ machineID }) => seen.machines.get(machineID)?.engine)).toEqual([7, 1]);
      await a.withdraw();
      await a.withdraw();
      await until(mirror, ({ leader }) => leader === undefined);
    });

    it("stops waiting with the signal's reason, and does not lead later", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const a = await stage.joined({ machine: aMachine("a"), ttl });
      const b = await stage.joined({ machine: aMachine("b"), ttl }, await stage.subject.client());
      const term = await a.campaign(stage.stop.signal);
      const mine = new AbortController();
      const waiting = b.campaign(mine.signal);
      mine.abort(new Error("changed my mind"));
      await expect(waiting).rejects.toThrow("changed my mind");
      await term.resign();
      await mirror.reached(await stage.registry.putUnit(aUnit("later.service")), stage.stop.signal);
      expect(mirror.snapshot.leader).toBeUndefined();
    });

    it("carries decisions out in order, and skips only those that are out of date", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const term = await session.campaign(stage.stop.signal);
      for (const unit of ["a", "b", "c"]) await stage.registry.putUnit(aUnit(`${unit}.service`));
      const refusal = {
        unit: "c.service",
        reasons: [{ machineID: "m1", why: "conflict" }],
        summary: "none",
      };
      await term.commit([place("a.service", "m1"), place("b.service", "m1"), { kind: "refuse", refusal }]);
      await until(mirror, ({ placements, refusals }) => placements.size === 2 && refusals.size === 1);
      const revision = await term.commit([
        { kind: "release", unit: "a.service", from: "m1", reason: "m1 went away" },
        { kind: "release", unit: "b.service", from: "m7", reason: "never there" },
        place("a.service", "m2"),
        place("b.service", "m2"),
        place("gone.service", "m2"),
        { kind: "refuse", refusal: { ...refusal, unit: "gone.service" } },
        { kind: "forgive", unit: "c.service" },
        place("c.service", "m3"),
      ]);
      if (revision === "deposed") throw new Error("it should still lead");
      await mirror.reached(revision, stage.stop.signal);
      const seen = mirror.snapshot;
      const placed = [...seen.placements.values()].map(({ unit, machineID }) => `${unit} ${machineID}`);
      expect(placed.toSorted()).toEqual(["a.service m2", "b.service m1", "c.service m3"]);
      expect(seen.refusals.size).toBe(0);
    });

    it("gives no revision to wait for when nothing was written", async () => {
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const term = await session.campaign(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service"));
      expect(await term.commit([{ kind: "forgive", unit: "a.service" }, place("gone.service", "m")])).toBe(
        0n,
      );
    });

    it("places a thousand units", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const term = await session.campaign(stage.stop.signal);
      const names = Array.from({ length: 1_000 }, (_, index) => `u${index}.service`);
      await Promise.all(names.map((unit) => stage.registry.putUnit(aUnit(unit))));
      const revision = await term.commit(names.map((unit) => place(unit, "m")));
      if (revision === "deposed") throw new Error("it should still lead");
      await mirror.reached(revision, stage.stop.signal);
      expect([mirror.snapshot.units.size, mirror.snapshot.placements.size]).toEqual([1_000, 1_000]);
    });
  });
}
