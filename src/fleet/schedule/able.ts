import { hasMetadata, isMachineID } from "../unit/fit.ts";
import type { Precedence } from "./precedence.ts";
import type { Candidate } from "./roster.ts";
import type { View } from "./view.ts";

/** Whether a machine can run a unit. `later`: as soon as a unit that is on its way out has left. */
export type Verdict =
  | { readonly kind: "able" }
  | { readonly kind: "later" }
  | { readonly kind: "unable"; readonly why: string };

/** fleet's words for a peer that is not there. */
export function missingPeer(peer: string): string {
  return `required peer Unit(${peer}) is not scheduled locally`;
}

/** fleet's words for conflicts. */
export function foundConflict(names: readonly string[]): string {
  return `found conflict with locally-scheduled Unit([${names.join(" ")}])`;
}

/** Whether two units must not share a machine. */
export function clash(one: Candidate, other: Candidate): boolean {
  return one.conflictsWith(other.name) || other.conflictsWith(one.name);
}

/**
 * Judges one unit on one machine, in fleet's order and words.
 * @param group names that would be placed together with the unit
 */
export function ableToRun(
  unit: Candidate,
  view: View,
  { group, precedence }: { readonly group: ReadonlySet<string>; readonly precedence: Precedence },
): Verdict {
  const { machine } = view;
  const { machineID, metadata, peers } = unit.requirements;
  if (machine.leaving) return unable("Machine is leaving and takes no units");
  if (view.cordoned) return unable("Machine is cordoned and takes no units");
  if (machineID !== undefined && !isMachineID(machineID, machine.id)) {
    return unable(`agent ID "${machine.id}" does not match required "${machineID}"`);
  }
  if (metadata.size > 0 && !hasMetadata(machine.metadata, metadata)) {
    return unable("local Machine metadata insufficient");
  }
  const peer = peers.find((name) => !group.has(name) && !isHere(name, view));
  if (peer !== undefined) return unable(missingPeer(peer));
  const conflicts = conflictsOn(unit, view);
  if (conflicts.length > 0) return unable(foundConflict(conflicts.sort()));
  for (const other of view.units.values()) {
    if (precedence.drivesOff(other, unit))
      return unable(`found replace with locally-scheduled Unit(${other.name})`);
  }
  for (const other of view.lingering.values()) {
    if (other.name !== unit.name && clash(unit, other)) return { kind: "later" };
  }
  return { kind: "able" };
}

/** The units there that must not share the machine with `unit`. */
export function conflictsOn(unit: Candidate, view: View): string[] {
  const names: string[] = [];
  for (const other of view.units.values()) if (clash(unit, other)) names.push(other.name);
  for (const other of view.globals) if (clash(unit, other)) names.push(other.name);
  return names;
}

function unable(why: string): Verdict {
  return { kind: "unable", why };
}

/** Whether a unit is placed there, or runs there as a global one. */
export function isHere(name: string, view: View): boolean {
  return view.units.has(name) || view.globals.some((unit) => unit.name === name);
}
