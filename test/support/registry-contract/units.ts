import { describe, expect, it } from "vitest";
import { releasesIn } from "../../../src/fleet/registry/replica.ts";
import { aMachine, aUnit, place, until } from "../registry-samples.ts";
import { ttl, type RegistryStage } from "./stage.ts";

/** Units, cordons, and how the mirror shows them. */
export function describeUnits(stage: RegistryStage): void {
  describe("units", () => {
    it("keeps a unit as it was put, and shows it to every client", async () => {
      const mirror = await (await stage.subject.client()).follow(stage.stop.signal);
      const unit = aUnit("hello@1.service", {
        options: [
          { section: "Unit", name: "After", value: "a.service" },
          { section: "Unit", name: "After", value: "bé \\\n  b.service" },
        ],
      });
      const revision = await stage.registry.putUnit(unit);
      await mirror.reached(revision, stage.stop.signal);
      expect(mirror.snapshot.units.get("hello@1.service")).toEqual(unit);
      expect(mirror.snapshot.revision).toBeGreaterThanOrEqual(revision);
      expect(mirror.fresh).toBe(true);
    });

    it("shows what was there before it followed", async () => {
      await stage.registry.putUnit(aUnit("old.service"));
      const mirror = await stage.registry.follow(stage.stop.signal);
      expect([...mirror.snapshot.units.keys()]).toEqual(["old.service"]);
    });

    it("replaces the options of a unit that exists", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service"));
      const newer = aUnit("a.service", { options: [], desired: "inactive" });
      await mirror.reached(await stage.registry.putUnit(newer), stage.stop.signal);
      expect(mirror.snapshot.units.get("a.service")).toEqual(newer);
    });

    it("sets the desired state and leaves the options alone", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service"));
      const revision = await stage.registry.setDesired("a.service", "loaded");
      await mirror.reached(revision ?? 0n, stage.stop.signal);
      expect(mirror.snapshot.units.get("a.service")).toEqual(aUnit("a.service", { desired: "loaded" }));
    });

    it("takes many units at once, and of two with the same name the later one", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const many = Array.from({ length: 300 }, (_, index) => aUnit(`u${index}.service`));
      const again = aUnit("u250.service", { desired: "inactive" });
      const written = await Promise.all([...many, again].map((unit) => stage.registry.putUnit(unit)));
      const last = written.reduce((one, other) => (one > other ? one : other));
      await mirror.reached(last, stage.stop.signal);
      expect(mirror.snapshot.units.size).toBe(300);
      expect(mirror.snapshot.units.get("u250.service")).toEqual(again);
    });

    it("says when there is no such unit", async () => {
      expect(await stage.registry.setDesired("none.service", "loaded")).toBeUndefined();
      expect(await stage.registry.deleteUnit("none.service")).toBeUndefined();
    });

    it("keeps both of two changes at once", async () => {
      const other = await stage.subject.client();
      const mirror = await stage.registry.follow(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service", { desired: "inactive" }));
      const [first, second] = await Promise.all([
        stage.registry.setDesired("a.service", "loaded"),
        other.setDesired("a.service", "launched"),
      ]);
      await mirror.reached(first! > second! ? first! : second!, stage.stop.signal);
      expect(first).not.toBe(second);
      expect(mirror.snapshot.units.get("a.service")?.desired).toBe(first! > second! ? "loaded" : "launched");
    });

    it("keeps metadata that are set from outside, over those that a machine came with", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const machine = aMachine("m1", { metadata: { region: "local", disk: "ssd" } });
      const first = await stage.joined({ machine, ttl });
      await stage.registry.setMetadata([
        { machineID: machine.id, key: "region", value: "moon" },
        { machineID: machine.id, key: "disk", value: "" },
        { machineID: machine.id, key: "rack", value: "a" },
      ]);
      const changed = await stage.registry.setMetadata([{ machineID: machine.id, key: "rack", value: "b" }]);
      await mirror.reached(changed, stage.stop.signal);
      const metadata = { region: "moon", rack: "b" };
      expect(mirror.snapshot.machines.get(machine.id)?.metadata).toEqual(metadata);
      await first.end();
      await until(mirror, ({ machines }) => !machines.has(machine.id));
      await stage.joined({ machine: { ...machine, nonce: "later" }, ttl });
      const { machines } = await until(mirror, (snapshot) => snapshot.machines.has(machine.id));
      expect(machines.get(machine.id)?.metadata).toEqual(metadata);
    });

    it("tells each step to those who listen, and no more once they stop", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const steps: string[] = [];
      const stopListening = mirror.onStep((changes) =>
        steps.push(
          ...(changes ?? []).map((change) => `${change.kind} ${change.value === undefined ? "gone" : "put"}`),
        ),
      );
      await stage.registry.putUnit(aUnit("a.service"));
      await mirror.reached((await stage.registry.deleteUnit("a.service")) ?? 0n, stage.stop.signal);
      expect(steps.filter((step) => step.startsWith("unit "))).toEqual(["unit put", "unit gone"]);
      stopListening();
      await mirror.reached(await stage.registry.putUnit(aUnit("b.service")), stage.stop.signal);
      expect(steps.filter((step) => step.startsWith("unit "))).toHaveLength(2);
    });

    it("removes a unit together with its placement and refusal", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const term = await session.campaign(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service"));
      await term.commit([
        place("a.service", "m"),
        { kind: "refuse", refusal: { unit: "a.service", reasons: [], summary: "no room" } },
      ]);
      await until(mirror, ({ refusals, placements }) => refusals.size === 1 && placements.size === 1);
      await mirror.reached((await stage.registry.deleteUnit("a.service")) ?? 0n, stage.stop.signal);
      const { units, placements, refusals } = mirror.snapshot;
      expect([units.size, placements.size, refusals.size]).toEqual([0, 0, 0]);
    });

    it("tells in the same step why a unit lost its place", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      const term = await session.campaign(stage.stop.signal);
      await stage.registry.putUnit(aUnit("a.service"));
      await stage.registry.putUnit(aUnit("b.service"));
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
      await mirror.reached(released === "deposed" ? 0n : released, stage.stop.signal);
      await mirror.reached((await stage.registry.deleteUnit("b.service")) ?? 0n, stage.stop.signal);
      expect(lost).toEqual([
        ["a.service", reason],
        ["b.service", "unit destroyed"],
      ]);
      expect(mirror.snapshot.leader).toBe(aMachine("a").id);
    });

    it("never changes a snapshot that was handed out", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      await mirror.reached(await stage.registry.putUnit(aUnit("a.service")), stage.stop.signal);
      const before = mirror.snapshot;
      await mirror.reached(await stage.registry.putUnit(aUnit("b.service")), stage.stop.signal);
      expect([...before.units.keys()]).toEqual(["a.service"]);
      expect([...mirror.snapshot.units.keys()].toSorted()).toEqual(["a.service", "b.service"]);
      expect(mirror.snapshot.machines).toBe(before.machines);
    });
  });

  describe("cordons", () => {
    const cordon = { machineID: "a".padEnd(32, "0"), since: 1_700_000_000_000 };

    it("keeps a cordon beyond the machine's lease, and beyond a second one", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const session = await stage.joined({ machine: aMachine("a"), ttl });
      await mirror.reached(await stage.registry.cordon(cordon), stage.stop.signal);
      await mirror.reached(await stage.registry.cordon({ ...cordon, since: 5 }), stage.stop.signal);
      await session.end();
      await until(mirror, ({ machines }) => machines.size === 0);
      expect([...mirror.snapshot.cordons.values()]).toEqual([cordon]);
      const later = await (await stage.subject.client()).follow(stage.stop.signal);
      expect([...later.snapshot.cordons.keys()]).toEqual([cordon.machineID]);
    });

    it("takes it back, and says when there was none", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      await stage.registry.cordon(cordon);
      const revision = await stage.registry.uncordon(cordon.machineID);
      await mirror.reached(revision ?? 0n, stage.stop.signal);
      expect(mirror.snapshot.cordons.size).toBe(0);
      expect(await stage.registry.uncordon(cordon.machineID)).toBeUndefined();
      await mirror.reached(await stage.registry.cordon(cordon), stage.stop.signal);
      expect(mirror.snapshot.cordons.size).toBe(1);
    });
  });

  describe("mirrors", () => {
    it("tell everybody the same name of the registry", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const other = await (await stage.subject.client()).follow(stage.stop.signal);
      expect(mirror.origin).toMatch(/./);
      expect(other.origin).toBe(mirror.origin);
    });

    it("stops waiting with the signal's reason", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const mine = new AbortController();
      const waiting = mirror.changed(mine.signal);
      mine.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
    });

    it("ends those who wait when it is closed", async () => {
      const mirror = await stage.registry.follow(stage.stop.signal);
      const waiting = mirror.reached(1_000_000n, stage.stop.signal);
      await mirror.close();
      await expect(waiting).rejects.toMatchObject({ code: "E_INTERRUPTED" });
    });
  });
}
