import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Machine, Snapshot, Unit, UnitState } from "../../src/fleet/model.ts";
import { releasesIn } from "../../src/fleet/registry/replica.ts";
import type { Decision, JoinRequest, Mirror, Registry, Session } from "../../src/fleet/registry/registry.ts";

export interface RegistrySubject {
  /** Another client of the same registry. */
  client(): Promise<Registry & { close(): Promise<void> }>;
  /** Ends a lease as if its time had passed. */
  expire(leaseId: string): Promise<void>;
  /** Lets time pass until the promise is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const ttl = 2_000;

export function aMachine(id: string, changes: Partial<Machine> = {}): Machine {
  return {
    id: id.padEnd(32, "0"),
    publicIP: "10.0.0.1",
    metadata: { region: "local" },
    version: "0.1.0",
    bootId: `boot-${id}`,
    nonce: `nonce-${id}`,
    joined: 0,
    leaving: false,
    ...changes,
  };
}

export function aUnit(name: string, changes: Partial<Unit> = {}): Unit {
  const options = [{ section: "Service", name: "ExecStart", value: `/bin/sleep ${name}` }];
  return { name, options, desired: "launched", ...changes };
}

export function aState(unit: string, machineID: string, active = "active"): UnitState {
  const hash = "0".repeat(40);
  return { unit, machineID, hash, load: "loaded", active, sub: "running", reached: "launched" };
}

const place = (unit: string, machineID: string): Decision => ({
  kind: "place",
  placement: { unit, machineID, reason: "it has the fewest units" },
});

/** Waits until the mirror shows what is looked for. */
export async function until(mirror: Mirror, look: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  const signal = AbortSignal.timeout(20_000);
  while (!look(mirror.snapshot)) await mirror.changed(signal);
  return mirror.snapshot;
}

/** What every registry does, whatever keeps it. */
export function describeRegistry(name: string, makeSubject: () => Promise<RegistrySubject>): void {
  describe(`${name} keeps the contract of the registry port`, () => {
    let subject: RegistrySubject;
    let registry: Registry & { close(): Promise<void> };
    let stop: AbortController;

    beforeEach(async () => {
      subject = await makeSubject();
      registry = await subject.client();
      stop = new AbortController();
    });
    afterEach(async () => {
      stop.abort(new Error("the test is over"));
      await subject.close();
    });

    const joined = async (request: JoinRequest, from: Registry = registry): Promise<Session> => {
      const result = await subject.settle(from.join(request, stop.signal));
      if (result.kind !== "joined") throw new Error(`${request.machine.id} did not join`);
      return result.session;
    };

    describe("units", () => {
      it("keeps a unit as it was put, and shows it to every client", async () => {
        const mirror = await (await subject.client()).follow(stop.signal);
        const unit = aUnit("hello@1.service", {
          options: [
            { section: "Unit", name: "After", value: "a.service" },
            { section: "Unit", name: "After", value: "bé \\\n  b.service" },
          ],
        });
        const revision = await registry.putUnit(unit);
        await mirror.reached(revision, stop.signal);
        expect(mirror.snapshot.units.get("hello@1.service")).toEqual(unit);
        expect(mirror.snapshot.revision).toBeGreaterThanOrEqual(revision);
        expect(mirror.fresh).toBe(true);
      });

      it("shows what was there before it followed", async () => {
        await registry.putUnit(aUnit("old.service"));
        const mirror = await registry.follow(stop.signal);
        expect([...mirror.snapshot.units.keys()]).toEqual(["old.service"]);
      });

      it("replaces the options of a unit that exists", async () => {
        const mirror = await registry.follow(stop.signal);
        await registry.putUnit(aUnit("a.service"));
        const newer = aUnit("a.service", { options: [], desired: "inactive" });
        await mirror.reached(await registry.putUnit(newer), stop.signal);
        expect(mirror.snapshot.units.get("a.service")).toEqual(newer);
      });

      it("sets the desired state and leaves the options alone", async () => {
        const mirror = await registry.follow(stop.signal);
        await registry.putUnit(aUnit("a.service"));
        const revision = await registry.setDesired("a.service", "loaded");
        await mirror.reached(revision ?? 0n, stop.signal);
        expect(mirror.snapshot.units.get("a.service")).toEqual(aUnit("a.service", { desired: "loaded" }));
      });

      it("says when there is no such unit", async () => {
        expect(await registry.setDesired("none.service", "loaded")).toBeUndefined();
        expect(await registry.deleteUnit("none.service")).toBeUndefined();
      });

      it("keeps both of two changes at once", async () => {
        const other = await subject.client();
        const mirror = await registry.follow(stop.signal);
        await registry.putUnit(aUnit("a.service", { desired: "inactive" }));
        const [first, second] = await Promise.all([
          registry.setDesired("a.service", "loaded"),
          other.setDesired("a.service", "launched"),
        ]);
        await mirror.reached(first! > second! ? first! : second!, stop.signal);
        expect(first).not.toBe(second);
        expect(mirror.snapshot.units.get("a.service")?.desired).toBe(
          first! > second! ? "loaded" : "launched",
        );
      });

      it("keeps metadata that are set from outside, over those that a machine came with", async () => {
        const mirror = await registry.follow(stop.signal);
        const machine = aMachine("m1", { metadata: { region: "local", disk: "ssd" } });
        const first = await joined({ machine, ttl });
        await registry.setMetadata([
          { machineID: machine.id, key: "region", value: "moon" },
          { machineID: machine.id, key: "disk", value: "" },
          { machineID: machine.id, key: "rack", value: "a" },
        ]);
        const changed = await registry.setMetadata([{ machineID: machine.id, key: "rack", value: "b" }]);
        await mirror.reached(changed, stop.signal);
        const metadata = { region: "moon", rack: "b" };
        expect(mirror.snapshot.machines.get(machine.id)?.metadata).toEqual(metadata);
        await first.end();
        await until(mirror, ({ machines }) => !machines.has(machine.id));
        await joined({ machine: { ...machine, nonce: "later" }, ttl });
        const { machines } = await until(mirror, (snapshot) => snapshot.machines.has(machine.id));
        expect(machines.get(machine.id)?.metadata).toEqual(metadata);
      });

      it("tells each step to those who listen, and no more once they stop", async () => {
        const mirror = await registry.follow(stop.signal);
        const steps: string[] = [];
        const stopListening = mirror.onStep((changes) =>
          steps.push(
            ...(changes ?? []).map(
              (change) => `${change.kind} ${change.value === undefined ? "gone" : "put"}`,
            ),
          ),
        );
        await registry.putUnit(aUnit("a.service"));
        await mirror.reached((await registry.deleteUnit("a.service")) ?? 0n, stop.signal);
        expect(steps.filter((step) => step.startsWith("unit "))).toEqual(["unit put", "unit gone"]);
        stopListening();
        await mirror.reached(await registry.putUnit(aUnit("b.service")), stop.signal);
        expect(steps.filter((step) => step.startsWith("unit "))).toHaveLength(2);
      });

      it("removes a unit together with its placement and refusal", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        const term = await session.campaign(stop.signal);
        await registry.putUnit(aUnit("a.service"));
        await term.commit([
          place("a.service", "m"),
          { kind: "refuse", refusal: { unit: "a.service", reasons: [], summary: "no room" } },
        ]);
        await until(mirror, ({ refusals, placements }) => refusals.size === 1 && placements.size === 1);
        await mirror.reached((await registry.deleteUnit("a.service")) ?? 0n, stop.signal);
        const { units, placements, refusals } = mirror.snapshot;
        expect([units.size, placements.size, refusals.size]).toEqual([0, 0, 0]);
      });

      it("tells in the same step why a unit lost its place", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        const term = await session.campaign(stop.signal);
        await registry.putUnit(aUnit("a.service"));
        await registry.putUnit(aUnit("b.service"));
        await term.commit([place("a.service", "m"), place("b.service", "m")]);
        await until(mirror, ({ placements }) => placements.size === 2);
        const lost: unknown[] = [];
        mirror.onStep((changes = []) => {
          const why = releasesIn(changes);
          const gone = changes.flatMap((change) =>
            change.kind === "placement" && change.value === undefined ? [change.unit] : [],
          );
          lost.push(...gone.map((unit) => [unit, why.get(unit)]));
        });
        const reason = "target state inactive";
        const released = await term.commit([{ kind: "release", unit: "a.service", from: "m", reason }]);
        await mirror.reached(released === "deposed" ? 0n : released, stop.signal);
        await mirror.reached((await registry.deleteUnit("b.service")) ?? 0n, stop.signal);
        expect(lost).toEqual([
          ["a.service", reason],
          ["b.service", "unit destroyed"],
        ]);
        expect(mirror.snapshot.leader).toBe(aMachine("a").id);
      });

      it("never changes a snapshot that was handed out", async () => {
        const mirror = await registry.follow(stop.signal);
        await mirror.reached(await registry.putUnit(aUnit("a.service")), stop.signal);
        const before = mirror.snapshot;
        await mirror.reached(await registry.putUnit(aUnit("b.service")), stop.signal);
        expect([...before.units.keys()]).toEqual(["a.service"]);
        expect([...mirror.snapshot.units.keys()].toSorted()).toEqual(["a.service", "b.service"]);
        expect(mirror.snapshot.machines).toBe(before.machines);
      });
    });

    describe("cordons", () => {
      const cordon = { machineID: "a".padEnd(32, "0"), since: 1_700_000_000_000 };

      it("keeps a cordon beyond the machine's lease, and beyond a second one", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        await mirror.reached(await registry.cordon(cordon), stop.signal);
        await mirror.reached(await registry.cordon({ ...cordon, since: 5 }), stop.signal);
        await session.end();
        await until(mirror, ({ machines }) => machines.size === 0);
        expect([...mirror.snapshot.cordons.values()]).toEqual([cordon]);
        const later = await (await subject.client()).follow(stop.signal);
        expect([...later.snapshot.cordons.keys()]).toEqual([cordon.machineID]);
      });

      it("takes it back, and says when there was none", async () => {
        const mirror = await registry.follow(stop.signal);
        await registry.cordon(cordon);
        const revision = await registry.uncordon(cordon.machineID);
        await mirror.reached(revision ?? 0n, stop.signal);
        expect(mirror.snapshot.cordons.size).toBe(0);
        expect(await registry.uncordon(cordon.machineID)).toBeUndefined();
        await mirror.reached(await registry.cordon(cordon), stop.signal);
        expect(mirror.snapshot.cordons.size).toBe(1);
      });
    });

    describe("mirrors", () => {
      it("stops waiting with the signal's reason", async () => {
        const mirror = await registry.follow(stop.signal);
        const mine = new AbortController();
        const waiting = mirror.changed(mine.signal);
        mine.abort(new Error("enough"));
        await expect(waiting).rejects.toThrow("enough");
      });

      it("ends those who wait when it is closed", async () => {
        const mirror = await registry.follow(stop.signal);
        const waiting = mirror.reached(1_000_000n, stop.signal);
        await mirror.close();
        await expect(waiting).rejects.toMatchObject({ code: "E_INTERRUPTED" });
      });
    });

    describe("machines", () => {
      it("shows a machine from its joining to its end, with all that it published", async () => {
        const mirror = await registry.follow(stop.signal);
        const machine = aMachine("a");
        const session = await joined({ machine, ttl });
        await session.putState(aState("x.service", machine.id));
        const seen = await until(mirror, ({ states }) => states.size === 1);
        expect(seen.machines.get(machine.id)).toEqual({ ...machine, joined: expect.any(Number) as number });
        expect(seen.states.get("x.service")?.get(machine.id)).toEqual(aState("x.service", machine.id));
        await session.end();
        await session.end();
        await until(mirror, ({ machines, states }) => machines.size === 0 && states.size === 0);
        expect(session.lost.aborted).toBe(true);
      });

      it("tells which machine has been there longer, also after its record has changed", async () => {
        const mirror = await registry.follow(stop.signal);
        const first = await joined({ machine: aMachine("b"), ttl });
        await joined({ machine: aMachine("a"), ttl });
        await first.updateMachine(aMachine("b", { leaving: true }));
        const { machines } = await until(
          mirror,
          (seen) => seen.machines.get(aMachine("b").id)?.leaving === true,
        );
        const order = [...machines.values()].toSorted((one, other) => one.joined - other.joined);
        expect(order.map(({ id }) => id)).toEqual([aMachine("b").id, aMachine("a").id]);
      });

      it("updates the machine's record and withdraws states", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
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
        const mirror = await registry.follow(stop.signal);
        const a = await joined({ machine: aMachine("a"), ttl });
        const b = await joined({ machine: aMachine("b"), ttl }, await subject.client());
        await a.putState(aState("x.service", aMachine("a").id));
        await b.putState(aState("x.service", aMachine("b").id));
        await a.deleteState("x.service");
        await b.putState(aState("y.service", aMachine("b").id));
        const seen = await until(mirror, ({ states }) => states.has("y.service"));
        expect([...(seen.states.get("x.service")?.keys() ?? [])]).toEqual([aMachine("b").id]);
      });

      it("loses the session, and all under it, when the lease ends", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        await until(mirror, ({ machines }) => machines.size === 1);
        const lost = new Promise((resolve) => session.lost.addEventListener("abort", resolve));
        await subject.expire(session.leaseId);
        await subject.settle(lost);
        await until(mirror, ({ machines }) => machines.size === 0);
        await expect(session.putState(aState("x.service", "m"))).rejects.toMatchObject({ code: "E_ETCD" });
      });

      it("resumes the lease of an earlier fleetd of the same boot: nothing vanishes meanwhile", async () => {
        const mirror = await registry.follow(stop.signal);
        const earlier = await subject.client();
        const session = await joined({ machine: aMachine("a"), ttl }, earlier);
        await session.putState(aState("x.service", aMachine("a").id));
        await earlier.close();
        const again = await subject.settle(
          registry.join({ machine: aMachine("a"), ttl, resume: { leaseId: session.leaseId } }, stop.signal),
        );
        expect(again).toMatchObject({ kind: "joined", resumed: true, session: { leaseId: session.leaseId } });
        await mirror.reached(await registry.putUnit(aUnit("later.service")), stop.signal);
        expect(mirror.snapshot.states.get("x.service")?.size).toBe(1);
      });

      it("starts anew when the lease that it would resume is gone", async () => {
        const session = await joined({ machine: aMachine("a"), ttl });
        await session.end();
        const resume = { leaseId: session.leaseId };
        const again = await subject.settle(
          registry.join({ machine: aMachine("a"), ttl, resume }, stop.signal),
        );
        expect(again).toMatchObject({ kind: "joined", resumed: false });
      });

      it("takes over its own record at once when it lost the lease's id", async () => {
        const mirror = await registry.follow(stop.signal);
        const earlier = await subject.client();
        await joined({ machine: aMachine("a"), ttl }, earlier);
        await earlier.close();
        const session = await joined({ machine: aMachine("a", { publicIP: "10.0.0.9" }), ttl });
        const seen = await until(
          mirror,
          ({ machines }) => machines.get(aMachine("a").id)?.publicIP === "10.0.0.9",
        );
        expect(seen.machines.size).toBe(1);
        expect(session.lost.aborted).toBe(false);
      });

      it("waits for the record of the boot before this one to go", async () => {
        const earlier = await subject.client();
        await joined({ machine: aMachine("a"), ttl }, earlier);
        await earlier.close();
        const rebooted = aMachine("a", { bootId: "second", nonce: "second" });
        await joined({ machine: rebooted, ttl });
        const mirror = await registry.follow(stop.signal);
        expect(mirror.snapshot.machines.get(rebooted.id)).toMatchObject({ nonce: rebooted.nonce });
      });

      it("refuses a second machine with the same id and leaves the first alone", async () => {
        const first = await joined({ machine: aMachine("a"), ttl }, await subject.client());
        const twin = aMachine("a", { bootId: "twin", nonce: "twin" });
        const result = await subject.settle(registry.join({ machine: twin, ttl }, stop.signal));
        expect(result).toEqual({
          kind: "duplicate",
          machine: { ...aMachine("a"), joined: expect.any(Number) as number },
        });
        expect(first.lost.aborted).toBe(false);
      });
    });

    describe("leading", () => {
      it("lets one lead, and the next when that one resigns", async () => {
        const mirror = await registry.follow(stop.signal);
        const a = await joined({ machine: aMachine("a"), ttl });
        const b = await joined({ machine: aMachine("b"), ttl }, await subject.client());
        const first = await a.campaign(stop.signal);
        const waiting = b.campaign(stop.signal);
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
        const a = await joined({ machine: aMachine("a"), ttl });
        const b = await joined({ machine: aMachine("b"), ttl }, await subject.client());
        const term = await a.campaign(stop.signal);
        const next = b.campaign(stop.signal);
        const over = new Promise((resolve) => term.over.addEventListener("abort", resolve));
        await subject.expire(a.leaseId);
        await next;
        expect(await term.commit([place("a.service", "m")])).toBe("deposed");
        await subject.settle(over);
        expect(term.over.aborted).toBe(true);
      });

      it("leads again at once after its lease was resumed, and the earlier term is over", async () => {
        const earlier = await subject.client();
        const session = await joined({ machine: aMachine("a"), ttl }, earlier);
        const before = await session.campaign(stop.signal);
        const resume = { leaseId: session.leaseId };
        const again = await joined({ machine: aMachine("a"), ttl, resume });
        const term = await again.campaign(stop.signal);
        expect(await before.commit([place("a.service", "m")])).toBe("deposed");
        expect(await term.commit([])).toBe(0n);
      });

      it("stops waiting with the signal's reason, and does not lead later", async () => {
        const mirror = await registry.follow(stop.signal);
        const a = await joined({ machine: aMachine("a"), ttl });
        const b = await joined({ machine: aMachine("b"), ttl }, await subject.client());
        const term = await a.campaign(stop.signal);
        const mine = new AbortController();
        const waiting = b.campaign(mine.signal);
        mine.abort(new Error("changed my mind"));
        await expect(waiting).rejects.toThrow("changed my mind");
        await term.resign();
        await mirror.reached(await registry.putUnit(aUnit("later.service")), stop.signal);
        expect(mirror.snapshot.leader).toBeUndefined();
      });

      it("carries decisions out in order, and skips only those that are out of date", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        const term = await session.campaign(stop.signal);
        for (const unit of ["a", "b", "c"]) await registry.putUnit(aUnit(`${unit}.service`));
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
        await mirror.reached(revision, stop.signal);
        const seen = mirror.snapshot;
        const placed = [...seen.placements.values()].map(({ unit, machineID }) => `${unit} ${machineID}`);
        expect(placed.toSorted()).toEqual(["a.service m2", "b.service m1", "c.service m3"]);
        expect(seen.refusals.size).toBe(0);
      });

      it("gives no revision to wait for when nothing was written", async () => {
        const session = await joined({ machine: aMachine("a"), ttl });
        const term = await session.campaign(stop.signal);
        await registry.putUnit(aUnit("a.service"));
        expect(await term.commit([{ kind: "forgive", unit: "a.service" }, place("gone.service", "m")])).toBe(
          0n,
        );
      });

      it("places a thousand units", async () => {
        const mirror = await registry.follow(stop.signal);
        const session = await joined({ machine: aMachine("a"), ttl });
        const term = await session.campaign(stop.signal);
        const names = Array.from({ length: 1_000 }, (_, index) => `u${index}.service`);
        await Promise.all(names.map((unit) => registry.putUnit(aUnit(unit))));
        const revision = await term.commit(names.map((unit) => place(unit, "m")));
        if (revision === "deposed") throw new Error("it should still lead");
        await mirror.reached(revision, stop.signal);
        expect([mirror.snapshot.units.size, mirror.snapshot.placements.size]).toEqual([1_000, 1_000]);
      });
    });
  });
}
