import type { Snapshot, Unit } from "../model.ts";
import { globalsFor } from "../unit/fit.ts";
import type { Requirements } from "../unit/requirements.ts";
import type { Kept } from "./keep.ts";
import { type Candidate, candidates, type Roster } from "./roster.ts";
import { type LoadOrder, loadOrder, type View } from "./view.ts";

/** All machines as the plan stands, and which machine may still hold which unit. */
export interface Board {
  readonly order: LoadOrder;
  readonly views: ReadonlyMap<string, View>;
  /** Machines not believed gone that publish a state of the unit. */
  holdersOf(unit: string): readonly string[];
}

export interface BoardInput {
  readonly snapshot: Snapshot;
  readonly gone: ReadonlySet<string>;
  readonly roster: Roster;
  readonly kept: Kept;
  readonly requirementsOf: (unit: Unit) => Requirements;
}

/** Sets up the machines with the units that stay and those that are on their way out. */
export function createBoard(input: BoardInput): Board {
  const { snapshot, gone, kept } = input;
  const views = viewsOf(input);
  const holders = (unit: string): string[] =>
    [...(snapshot.states.get(unit)?.keys() ?? [])].filter((id) => !gone.has(id));
  const prepare = preparer(input);
  const linger = (name: string, machineID: string): void => {
    const view = views.get(machineID);
    if (view === undefined || view.units.has(name) || view.lingering.has(name)) return;
    if (view.globals.some((unit) => unit.name === name)) return;
    view.lingering.set(name, prepare(name));
  };
  for (const name of snapshot.states.keys()) for (const id of holders(name)) linger(name, id);
  for (const [name, { from }] of kept.released) linger(name, from);
  return { order: loadOrder(views.values()), views, holdersOf: holders };
}

function viewsOf({ snapshot, roster, kept }: BoardInput): Map<string, View> {
  const units = new Map<string, Map<string, Candidate>>();
  for (const id of snapshot.machines.keys()) units.set(id, new Map());
  for (const [name, id] of kept.placed) {
    const unit = roster.singles.get(name);
    if (unit !== undefined) units.get(id)?.set(name, unit);
  }
  const globals = [...roster.globals.values()];
  const views = new Map<string, View>();
  for (const machine of snapshot.machines.values()) {
    const here = units.get(machine.id) ?? new Map<string, Candidate>();
    const global = globals.length === 0 ? [] : globalsFor(machine.metadata, globals, [...here.values()]);
    const cordoned = snapshot.cordons.has(machine.id);
    views.set(machine.id, { machine, cordoned, units: here, globals: global, lingering: new Map() });
  }
  return views;
}

/** A unit on its way out may be one that shall not run, or one that was destroyed: then only its name is known. */
function preparer({ snapshot, roster, requirementsOf }: BoardInput): (name: string) => Candidate {
  const prepare = candidates();
  return (name) => {
    const known = roster.singles.get(name) ?? roster.globals.get(name);
    if (known !== undefined) return known;
    const unit = snapshot.units.get(name) ?? { name, options: [], desired: "inactive" };
    return prepare(unit, requirementsOf(unit));
  };
}
