import type { Snapshot, Unit } from "../model.ts";
import type { RequiringUnit } from "../unit/fit.ts";
import { compileGlob } from "../unit/glob.ts";
import { isTemplateName } from "../unit/name.ts";
import type { Requirements } from "../unit/requirements.ts";

/** A unit that shall run, with its patterns ready for use. */
export interface Candidate extends RequiringUnit {
  readonly desired: Unit["desired"];
  /** Whether one of its Conflicts matches the name. */
  readonly conflictsWith: (name: string) => boolean;
  /** Whether one of its Replaces matches the name. */
  readonly replaces: (name: string) => boolean;
}

/** Who is to be placed, and who never is. Both by name, in the order of names. */
export interface Roster {
  /** Units that need one machine. */
  readonly singles: ReadonlyMap<string, Candidate>;
  /** Units that every fitting machine runs. */
  readonly globals: ReadonlyMap<string, Candidate>;
}

/** Sorts out the units whose target state is not inactive; templates are left out. */
export function rosterOf(snapshot: Snapshot, requirementsOf: (unit: Unit) => Requirements): Roster {
  const prepare = candidates();
  const singles = new Map<string, Candidate>();
  const globals = new Map<string, Candidate>();
  for (const name of [...snapshot.units.keys()].sort()) {
    const unit = snapshot.units.get(name);
    if (unit === undefined || unit.desired === "inactive" || isTemplateName(name)) continue;
    const requirements = requirementsOf(unit);
    (requirements.global ? globals : singles).set(name, prepare(unit, requirements));
  }
  return { singles, globals };
}

/** Why a unit that has a placement should have none; undefined when it may keep it. */
export function unwantedBecause(name: string, snapshot: Snapshot, roster: Roster): string | undefined {
  if (roster.singles.has(name)) return undefined;
  const unit = snapshot.units.get(name);
  if (unit === undefined) return "unit does not exist";
  if (unit.desired === "inactive") return "target state inactive";
  return roster.globals.has(name) ? "unit is global and runs on every machine" : "unit is a template";
}

/** Prepares units, and each pattern only once: instances of a template share most of theirs. */
export function candidates(): (
  unit: Pick<Unit, "name" | "desired">,
  requirements: Requirements,
) => Candidate {
  const known = new Map<string, (name: string) => boolean>();
  const compile = (glob: string): ((name: string) => boolean) => {
    const matches = known.get(glob) ?? compileGlob(glob);
    known.set(glob, matches);
    return matches;
  };
  const never = (): boolean => false;
  const anyOf = (globs: readonly string[]): ((name: string) => boolean) => {
    if (globs.length === 0) return never;
    const tests = globs.map(compile);
    return (name) => tests.some((matches) => matches(name));
  };
  return ({ name, desired }, requirements) => ({
    name,
    desired,
    requirements,
    conflictsWith: anyOf(requirements.conflicts),
    replaces: anyOf(requirements.replaces),
  });
}
