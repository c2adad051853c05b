import type { Machine, Snapshot, Unit } from "../model.ts";
import { globalsFor } from "../unit/fit.ts";
import { type Requirements, requirementsOf } from "../unit/requirements.ts";
import { hashUnit, serializeUnit } from "../unit/serialize.ts";
import type { Want } from "./plan.ts";

/** What a unit's options say, worked out once for each version of the unit. */
interface Read {
  readonly requirements: Requirements;
  readonly content: string;
  readonly hash: string;
}

export interface Desired {
  /**
   * The units that shall be on this machine: those placed on it, and the global units whose metadata it has and that
   * conflict with none of the others. Its metadata are those that the registry knows, else its own.
   */
  of(snapshot: Snapshot, machine: Machine): ReadonlyMap<string, Want>;
}

export function createDesired(): Desired {
  const cache = new WeakMap<Unit, Read>();
  const read = (unit: Unit): Read => {
    const known = cache.get(unit);
    if (known !== undefined) return known;
    const fresh = {
      requirements: requirementsOf(unit),
      content: serializeUnit(unit.options),
      hash: hashUnit(unit.options),
    };
    cache.set(unit, fresh);
    return fresh;
  };
  return {
    of: (snapshot, machine) => {
      const active = [...snapshot.units.values()].filter((unit) => unit.desired !== "inactive");
      const all = active.map((unit) => ({ name: unit.name, unit, requirements: read(unit).requirements }));
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
      return new Map([...placed, ...globals].flatMap(({ unit }) => wanted(unit, read(unit))));
    },
  };
}

function wanted({ name, desired }: Unit, { hash, content }: Read): [string, Want][] {
  return desired === "inactive" ? [] : [[name, { name, hash, content, desired }]];
}
