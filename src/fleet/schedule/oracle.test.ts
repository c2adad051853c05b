import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMachine, aUnit, FleetWorld } from "../../../test/support/fleet-world.ts";

/** A unit in the oracle's own words; it shares no code with the scheduler. */
interface Asked {
  readonly name: string;
  readonly peers: readonly string[];
  readonly conflicts: readonly string[];
  readonly disk: string | undefined;
  readonly machine: string | undefined;
}

const names = ["a", "b", "c", "d"].map((letter) => `${letter}.service`);
const machines: Readonly<Record<string, string>> = { m1: "ssd", m2: "hdd", m3: "ssd" };
type Assignment = ReadonlyMap<string, string>;

const asked = (name: string): fc.Arbitrary<Asked> =>
  fc.record({
    name: fc.constant(name),
    peers: fc.subarray([...names.filter((other) => other !== name), "none.service"], { maxLength: 1 }),
    conflicts: fc.subarray(names.filter((other) => other !== name)),
    disk: fc.constantFrom(undefined, undefined, "ssd", "hdd"),
    machine: fc.constantFrom(undefined, undefined, undefined, "m1", "m2"),
  });

const linesOf = ({ peers, conflicts, disk, machine }: Asked): string[] => [
  ...peers.map((peer) => `MachineOf=${peer}`),
  ...conflicts.map((other) => `Conflicts=${other}`),
  ...(disk === undefined ? [] : [`MachineMetadata=disk=${disk}`]),
  ...(machine === undefined ? [] : [`MachineID=${machine}`]),
];

/** Every way to put units on machines, or nowhere. */
function everyAssignment(units: readonly Asked[], ids: readonly string[]): Assignment[] {
  return units.reduce<Assignment[]>(
    (all, { name }) =>
      all.flatMap((before) => [before, ...ids.map((id) => new Map([...before, [name, id]]))]),
    [new Map()],
  );
}

/** Units that lack a peer, or whose peer lacks one: they can be nowhere. */
function hopeless(units: readonly Asked[]): Set<string> {
  const lost = new Set<string>();
  const has = (name: string): boolean => units.some((unit) => unit.name === name) && !lost.has(name);
  for (let before = -1; before !== lost.size;) {
    before = lost.size;
    for (const { name, peers } of units) if (!peers.every(has)) lost.add(name);
  }
  return lost;
}

function isValid(assignment: Assignment, units: readonly Asked[]): boolean {
  const lost = hopeless(units);
  return units.every((unit) => {
    const here = assignment.get(unit.name);
    if (lost.has(unit.name)) return here === undefined;
    // Bound units are together, or all of them nowhere.
    if (!unit.peers.every((peer) => assignment.get(peer) === here)) return false;
    if (here === undefined) return true;
    if (unit.machine !== undefined && unit.machine !== here) return false;
    if (unit.disk !== undefined && machines[here] !== unit.disk) return false;
    return !unit.conflicts.some((other) => assignment.get(other) === here);
  });
}

describe("the scheduler against all there is to choose from", () => {
  it("chooses what is allowed, and leaves nobody out for whom there is room", () => {
    const cluster = fc.record({
      units: fc.tuple(...names.map(asked)).chain((all) => fc.subarray([...all])),
      ids: fc.subarray(Object.keys(machines), { minLength: 1 }),
    });
    fc.assert(
      fc.property(cluster, ({ units, ids }) => {
        const world = new FleetWorld();
        for (const id of ids)
          world.machines.set(id, aMachine(id, { metadata: { disk: machines[id] ?? "" } }));
        for (const unit of units) world.units.set(unit.name, aUnit(unit.name, linesOf(unit)));
        world.settle();
        const chosen: Assignment = new Map(
          [...world.placements.values()].map(({ unit, machineID }) => [unit, machineID]),
        );
        expect(isValid(chosen, units)).toBe(true);
        const better = everyAssignment(units, ids).filter(
          (other) =>
            other.size > chosen.size &&
            [...chosen].every(([unit, id]) => other.get(unit) === id) &&
            isValid(other, units),
        );
        expect(better).toEqual([]);
        expect([...world.refusals.keys()].toSorted()).toEqual(
          units.map(({ name }) => name).filter((name) => !chosen.has(name)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
