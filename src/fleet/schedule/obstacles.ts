import type { Machine } from "../model.ts";
import { hasMetadata, isMachineID, shortMachineID } from "../unit/fit.ts";
import type { Requirements } from "../unit/requirements.ts";
import { clash, conflictsOn, foundConflict, isHere, missingPeer } from "./able.ts";
import type { Precedence } from "./precedence.ts";
import type { Candidate } from "./roster.ts";
import type { View } from "./view.ts";

/** One thing that keeps a unit off a machine. */
export interface Obstacle {
  /** In fleet's words. */
  readonly why: string;
  /** What would have to change, as a sentence. */
  readonly change: string;
}

export interface ObstacleContext {
  /** Names that would be placed together with the unit. */
  readonly group: ReadonlySet<string>;
  readonly precedence: Precedence;
}

/**
 * All that keeps one unit off one machine, where `ableToRun` stops at the first: the same judgements in the same order.
 * Empty when the machine can run it, now or as soon as another unit has stopped.
 */
export function obstaclesOf(unit: Candidate, view: View, { group, precedence }: ObstacleContext): Obstacle[] {
  const { machine } = view;
  const { machineID, metadata, peers } = unit.requirements;
  const found: Obstacle[] = [];
  const add = (why: string, change: string): void => void found.push({ why, change });
  if (machine.leaving)
    add(
      "Machine is leaving and takes no units",
      "its fleetd, which is shutting down, would have to come back",
    );
  if (view.cordoned) {
    const command = `'fleetctl uncordon ${shortMachineID(machine.id)}'`;
    add("Machine is cordoned and takes no units", `${command} lets it take units again`);
  }
  if (machineID !== undefined && !isMachineID(machineID, machine.id)) {
    const why = `agent ID "${machine.id}" does not match required "${machineID}"`;
    add(why, `MachineID in the unit file would have to be ${shortMachineID(machine.id)}, or absent`);
  }
  if (metadata.size > 0 && !hasMetadata(machine.metadata, metadata))
    add("local Machine metadata insufficient", missingMetadata(machine, metadata));
  for (const peer of peers.filter((name) => !group.has(name) && !isHere(name, view)))
    add(missingPeer(peer), `${peer} would have to be on this machine`);
  const conflicts = conflictsOn(unit, view).sort();
  if (conflicts.length > 0)
    add(foundConflict(conflicts), `${conflicts.join(", ")} would have to leave this machine`);
  for (const other of view.units.values()) {
    if (!precedence.drivesOff(other, unit)) continue;
    const why = `found replace with locally-scheduled Unit(${other.name})`;
    add(why, `${other.name}, which replaces it, would have to leave this machine`);
  }
  return found;
}

/** Units that have to stop on the machine before the unit can start there. */
export function lingeringWith(unit: Candidate, view: View): string[] {
  const others = [...view.lingering.values()].filter(
    (other) => other.name !== unit.name && clash(unit, other),
  );
  return others.map(({ name }) => name).sort();
}

function missingMetadata(machine: Machine, required: Requirements["metadata"]): string {
  const parts = [...required].flatMap(([key, values]) => {
    const has = machine.metadata[key];
    if (has !== undefined && values.has(has)) return [];
    const wanted = [...values].sort().map((value) => `${key}=${value}`);
    return [`${wanted.join(" or ")} (it has ${has === undefined ? `no ${key}` : `${key}=${has}`})`];
  });
  return `its metadata would have to say ${parts.join(" and ")}`;
}
