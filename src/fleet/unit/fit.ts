import type { Machine } from "../model.ts";
import { matchGlob } from "./glob.ts";
import type { Requirements } from "./requirements.ts";

/** The first 8 characters of a machine's id, by which people call it. */
export function shortMachineID(id: string): string {
  return id.slice(0, 8);
}

/** Whether `wanted` names this machine, in full or in short. */
export function isMachineID(wanted: string, machineID: string): boolean {
  return wanted === machineID || wanted === shortMachineID(machineID);
}

/** Whether the machine has, for each required key, one of the required values. */
export function hasMetadata(metadata: Machine["metadata"], required: Requirements["metadata"]): boolean {
  for (const [key, values] of required) {
    if (!Object.hasOwn(metadata, key) || !values.has(metadata[key] ?? "")) return false;
  }
  return true;
}

/** A unit by name with what it requires. */
export interface RequiringUnit {
  readonly name: string;
  readonly requirements: Requirements;
}

/** Whether two units must not share a machine; it is enough that one of them says so. */
export function conflict(one: RequiringUnit, other: RequiringUnit): boolean {
  return (
    one.requirements.conflicts.some((glob) => matchGlob(glob, other.name)) ||
    other.requirements.conflicts.some((glob) => matchGlob(glob, one.name))
  );
}

/**
 * The global units that a machine runs: those whose metadata it has, by name, without those that conflict with a unit
 * placed there or with a global unit that was taken before. Engine and agent both ask this, so that they agree.
 */
export function globalsFor<T extends RequiringUnit>(
  metadata: Machine["metadata"],
  globals: readonly T[],
  placed: readonly RequiringUnit[],
): T[] {
  const taken: T[] = [];
  for (const unit of globals.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!hasMetadata(metadata, unit.requirements.metadata)) continue;
    if ([...placed, ...taken].some((other) => conflict(unit, other))) continue;
    taken.push(unit);
  }
  return taken;
}
