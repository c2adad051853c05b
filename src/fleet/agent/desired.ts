import type { Machine, Snapshot, Unit } from "../model.ts";
import { globalsFor } from "../unit/fit.ts";
import { type Requirements, requirementsOf } from "../unit/requirements.ts";
import { hashUnit, serializeUnit } from "../unit/serialize.ts";
import type { Want } from "./plan.ts";

export interface Desired {
  /**
   * The units that shall be on this machine: those placed on it, and the global units whose metadata it has and that
   * conflict with none of the others. Its metadata are those that the registry knows, else its own.
   */
  of(snapshot: Snapshot, machine: Machine): ReadonlyMap<string, Want>;
}

/** What a unit's options say is worked out once for each version of the unit; its file only where it is wanted. */
export function createDesired(): Desired {
  const requirementsFor = onceFor<Requirements>(requirementsOf);
  const fileOf = onceFor((unit) => ({
    content: serializeUnit(unit.options),
    hash: hashUnit(unit.options),
  }));
  const wanted = (unit: Unit): [string, Want][] => {
    const { name, desired } = unit;
    return desired === "inactive" ? [] : [[name, { name, desired, ...fileOf(unit) }]];
  };
  return {
    of: (snapshot, machine) => {
      const active = [...snapshot.units.values()].filter((unit) => unit.desired !== "inactive");
      const all = active.map((unit) => ({ name: unit.name, unit, requirements: requirementsFor(unit) }));
      const placed = all.filter(
        ({ name, requirements }) =>
          !requirements.global && snapshot.placements.get(name)?.machineID === machine.id,
      );
      const metadata = (snapshot.machines.get(machine.id) ?? machine).metadata;
      const globals = globalsFor(
        metadata,
        all.filter(({ requirements }) => requirements.global),
        placed,
      );
      return new Map([...placed, ...globals].flatMap(({ unit }) => wanted(unit)));
    },
  };
}

/** Whether two snapshots, which share what did not change, want the same of every machine. */
export function wantsSame(one: Snapshot, other: Snapshot): boolean {
  return one.units === other.units && one.placements === other.placements && one.machines === other.machines;
}

function onceFor<T>(work: (unit: Unit) => T): (unit: Unit) => T {
  const cache = new WeakMap<Unit, { readonly result: T }>();
  return (unit) => {
    const known = cache.get(unit) ?? { result: work(unit) };
    cache.set(unit, known);
    return known.result;
  };
}
