import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMachine, aUnit, FleetWorld, type Round } from "../../../test/support/fleet-world.ts";
import type { Machine, Placement, Snapshot, Unit } from "../model.ts";
import { conflict, globalsFor, hasMetadata, isMachineID, type RequiringUnit } from "../unit/fit.ts";
import { requirementsOf } from "../unit/requirements.ts";
import { schedule } from "./schedule.ts";

const unitNames = ["a.service", "b.service", "c@1.service", "c@2.service", "d.service"];
const machineIDs = ["m1", "m2", "m3"];

const line = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...unitNames).map((name) => `MachineOf=${name}`) },
  { weight: 3, arbitrary: fc.constantFrom("a.*", "c@*.service", "[bd]*").map((glob) => `Conflicts=${glob}`) },
  { weight: 2, arbitrary: fc.constantFrom("a.*", "c@*.service", "b*").map((glob) => `Replaces=${glob}`) },
  { weight: 2, arbitrary: fc.constantFrom("x", "y").map((zone) => `MachineMetadata=zone=${zone}`) },
  { weight: 1, arbitrary: fc.constantFrom(...machineIDs).map((id) => `MachineID=${id}`) },
  { weight: 1, arbitrary: fc.constant("Global=true") },
);

type Action = { readonly what: string; readonly run: (world: FleetWorld) => void };

const onMachine = fc
  .record({
    id: fc.constantFrom(...machineIDs),
    zone: fc.constantFrom("x", "y"),
    what: fc.constantFrom("join", "join", "leave", "lose", "vanish", "slow", "slow", "quick"),
  })
  .map(({ id, zone, what }): Action => ({
    what: `${what} ${id} ${zone}`,
    run: (world) => changeMachine(world, { id, zone, what }),
  }));

const onUnit = fc
  .record({
    name: fc.constantFrom(...unitNames),
    lines: fc.array(line, { maxLength: 2 }),
    desired: fc.constantFrom<Unit["desired"][]>("launched", "launched", "loaded", "inactive"),
    what: fc.constantFrom("put", "put", "put", "destroy"),
  })
  .map(({ name, lines, desired, what }): Action => ({
    what: `${what} ${name} ${lines.join(" ")} ${desired}`,
    run: (world) =>
      what === "put" ? world.units.set(name, aUnit(name, lines, { desired })) : world.destroy(name),
  }));

const histories = fc.array(fc.oneof(onMachine, onUnit, onUnit), { minLength: 3, maxLength: 25, size: "max" });

function changeMachine(
  world: FleetWorld,
  { id, zone, what }: { id: string; zone: string; what: string },
): void {
  const known = world.machines.get(id);
  if (what === "join") {
    world.gone.delete(id);
    world.machines.set(id, aMachine(id, { metadata: { zone } }));
  } else if (what === "leave" && known !== undefined) world.machines.set(id, { ...known, leaving: true });
  else if (what === "slow") world.slow.add(id);
  else if (what === "quick") world.slow.delete(id);
  else {
    world.vanish(id);
    if (what === "lose") world.gone.add(id);
  }
}

function threeMachines(): FleetWorld {
  const world = new FleetWorld();
  for (const id of machineIDs)
    world.machines.set(id, aMachine(id, { metadata: { zone: id === "m1" ? "x" : "y" } }));
  return world;
}

/** Plays a history; `look` is told every round of planning and acting. */
function play(history: readonly Action[], look: (round: Round) => void = () => undefined): FleetWorld {
  const world = threeMachines();
  for (const action of history) {
    action.run(world);
    world.settle(look);
  }
  return world;
}

function placesOf(round: Round): Placement[] {
  return round.decisions.flatMap((decision) => (decision.kind === "place" ? [decision.placement] : []));
}

const requiring = (unit: Unit): RequiringUnit => ({ name: unit.name, requirements: requirementsOf(unit) });

/** Units placed on a machine, as they are now. */
function placedOn(world: FleetWorld, machineID: string): RequiringUnit[] {
  const placed = [...world.placements.values()].filter((placement) => placement.machineID === machineID);
  return placed.flatMap(({ unit }) => {
    const known = world.units.get(unit);
    return known === undefined ? [] : [requiring(known)];
  });
}

function globalsOn(world: FleetWorld, machine: Machine): RequiringUnit[] {
  const globals = [...world.units.values()]
    .filter(({ desired }) => desired !== "inactive")
    .map(requiring)
    .filter(({ requirements }) => requirements.global);
  return globalsFor(machine.metadata, globals, placedOn(world, machine.id));
}

function pairs<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((one, index) => items.slice(index + 1).map((other): [T, T] => [one, other]));
}

function check(property: (history: readonly Action[]) => void): void {
  fc.assert(fc.property(histories, property), { numRuns: 500 });
}

describe("whatever happens, schedule", () => {
  it("never gives a unit to a machine while another that is alive has it", () => {
    check((history) => {
      play(history, (round) => {
        for (const { unit, machineID } of placesOf(round)) {
          const holders = [...(round.before.states.get(unit)?.keys() ?? [])].filter((id) => id !== machineID);
          expect(holders).toEqual([]);
          const before = round.before.placements.get(unit)?.machineID;
          expect(round.before.machines.has(before ?? "")).toBe(false);
        }
      });
    });
  });

  it("puts units only where their requirements are met", () => {
    check((history) => {
      const world = play(history);
      for (const { unit: name, machineID } of world.placements.values()) {
        const [unit, machine] = [world.units.get(name), world.machines.get(machineID)];
        if (machine === undefined) continue;
        expect(unit?.desired).not.toBe("inactive");
        expect(machine.leaving).toBe(false);
        const { metadata, machineID: wanted } = requirementsOf(unit ?? aUnit(name));
        expect(hasMetadata(machine.metadata, metadata)).toBe(true);
        expect(isMachineID(wanted ?? machineID, machineID)).toBe(true);
      }
    });
  });

  it("keeps units with their peers", () => {
    check((history) => {
      const world = play(history);
      for (const machine of world.machines.values()) {
        const here = placedOn(world, machine.id);
        const names = [...here, ...globalsOn(world, machine)].map(({ name }) => name);
        expect(names).toEqual(expect.arrayContaining(here.flatMap(({ requirements }) => requirements.peers)));
      }
    });
  });

  it("keeps units that conflict apart, also from those that are still being stopped", () => {
    check((history) => {
      const world = play(history, (round) => {
        for (const { unit, machineID } of placesOf(round)) {
          const here = [...round.before.states].filter(([name, on]) => name !== unit && on.has(machineID));
          const [placed, ...others] = [unit, ...here.map(([name]) => name)].map((name) =>
            requiring(round.before.units.get(name) ?? aUnit(name)),
          );
          const clashing = others.filter((other) => placed !== undefined && conflict(placed, other));
          expect(clashing.map(({ name }) => name)).toEqual([]);
        }
      });
      for (const machine of world.machines.values()) {
        const clashing = pairs(placedOn(world, machine.id)).filter(([one, other]) => conflict(one, other));
        expect(clashing.map(([one, other]) => `${one.name} ${other.name}`)).toEqual([]);
      }
    });
  });

  it("comes to rest, and has then placed or refused every unit that shall run", () => {
    check((history) => {
      const world = play(history);
      world.slow.clear();
      world.settle();
      expect(world.plan().decisions).toEqual([]);
      const doubtful = [...world.placements.values()].some(({ machineID }) => !world.machines.has(machineID));
      const open = [...world.units.values()].filter(
        ({ name, desired, options }) =>
          desired !== "inactive" &&
          !requirementsOf({ name, options }).global &&
          !world.placements.has(name) &&
          !world.refusals.has(name),
      );
      expect(doubtful ? [] : open).toEqual([]);
    });
  });

  it("refuses a unit only when no machine can run it", () => {
    const alone = fc.array(fc.oneof(onMachine, onUnit, onUnit), { minLength: 3, maxLength: 15, size: "max" });
    fc.assert(
      fc.property(alone, (history) => {
        const world = play(history);
        world.slow.clear();
        world.settle();
        for (const name of world.refusals.keys()) {
          const unit = requiring(world.units.get(name) ?? aUnit(name));
          if (isBound(world, unit)) continue;
          const able = [...world.machines.values()].filter((machine) => canRun(world, unit, machine));
          expect(able).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("decides the same, whatever the order of what it is given", () => {
    check((history) => {
      const world = threeMachines();
      for (const action of history) {
        action.run(world);
        const snapshot = world.snapshot();
        const one = schedule({ snapshot, gone: world.gone });
        expect(schedule({ snapshot: reversed(snapshot), gone: world.gone })).toEqual(one);
        world.apply(one.decisions);
      }
    });
  });
});

/** Whether MachineOf or Replaces, which the simple oracle knows nothing of, has a say. */
function isBound(world: FleetWorld, unit: RequiringUnit): boolean {
  const lines = [...world.units.values()].map(requirementsOf);
  return (
    unit.requirements.peers.length > 0 ||
    lines.some(({ peers, replaces }) => peers.includes(unit.name) || replaces.length > 0)
  );
}

function canRun(world: FleetWorld, unit: RequiringUnit, machine: Machine): boolean {
  const others = [...placedOn(world, machine.id), ...globalsOn(world, machine)];
  return (
    !machine.leaving &&
    isMachineID(unit.requirements.machineID ?? machine.id, machine.id) &&
    hasMetadata(machine.metadata, unit.requirements.metadata) &&
    !others.some((other) => conflict(unit, other))
  );
}

function reversed(snapshot: Snapshot): Snapshot {
  const turn = <T>(map: ReadonlyMap<string, T>): Map<string, T> => new Map([...map].toReversed());
  return {
    ...snapshot,
    machines: turn(snapshot.machines),
    units: turn(snapshot.units),
    placements: turn(snapshot.placements),
    states: turn(snapshot.states),
    refusals: turn(snapshot.refusals),
  };
}
