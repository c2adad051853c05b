import type { Machine, Snapshot } from "../model.ts";
import { globalsFor, hasMetadata, isMachineID } from "../unit/fit.ts";
import { clash, foundConflict, missingPeer } from "./able.ts";
import { followersOf } from "./peers.ts";
import type { Precedence } from "./precedence.ts";
import { type Candidate, type Roster, unwantedBecause } from "./roster.ts";

export interface Release {
  readonly from: string;
  readonly reason: string;
}

/** The placements that stay, and those that end with the reason. */
export interface Kept {
  readonly placed: Map<string, string>;
  readonly released: Map<string, Release>;
}

export interface KeepInput {
  readonly snapshot: Snapshot;
  /** Machines that are believed gone. One that is neither here nor registered is in doubt, and keeps its units. */
  readonly gone: ReadonlySet<string>;
  readonly roster: Roster;
  readonly precedence: Precedence;
}

/** Looks at each placement and ends those whose ground has gone. */
export function keepPlacements(input: KeepInput): Kept {
  const { snapshot, roster } = input;
  const kept: Kept = { placed: new Map(), released: new Map() };
  for (const unit of [...snapshot.placements.keys()].sort()) {
    const from = snapshot.placements.get(unit)?.machineID ?? "";
    const reason = unwantedBecause(unit, snapshot, roster) ?? lostBecause(unit, from, input);
    if (reason === undefined) kept.placed.set(unit, from);
    else kept.released.set(unit, { from, reason });
  }
  releaseWithoutPeers(kept, input);
  for (const units of byMachine(kept, input)) releaseClashes(kept, units, input.precedence);
  releaseWithoutPeers(kept, input);
  return kept;
}

/** Ends one placement. What follows from that for the unit's followers is looked at by `releaseWithoutPeers`. */
export function release(kept: Kept, unit: string, why: string): void {
  const from = kept.placed.get(unit);
  if (from === undefined) return;
  kept.placed.delete(unit);
  kept.released.set(unit, { from, reason: `target Machine(${from}) unable to run unit: ${why}` });
}

/** Ends the placements of units whose peers are not on their machine, and of those that followed them. */
export function releaseWithoutPeers(
  kept: Kept,
  { snapshot, roster }: Pick<KeepInput, "snapshot" | "roster">,
): string[] {
  const followers = followersOf(roster.singles.values());
  const open = [...new Set([...followers.values()].flat())].sort();
  const ended: string[] = [];
  // The list grows while it is walked: who loses its peer here takes its own followers along.
  for (const name of open) {
    const machine = snapshot.machines.get(kept.placed.get(name) ?? "");
    if (machine === undefined) continue;
    const peers = roster.singles.get(name)?.requirements.peers ?? [];
    const peer = peers.find((other) => !isOn(machine, other, { kept, roster }));
    if (peer === undefined) continue;
    release(kept, name, missingPeer(peer));
    ended.push(name);
    open.push(...(followers.get(name) ?? []));
  }
  return ended;
}

function isOn(machine: Machine, unit: string, { kept, roster }: { kept: Kept; roster: Roster }): boolean {
  if (!roster.globals.has(unit)) return kept.placed.get(unit) === machine.id;
  const placed = [...roster.singles.values()].filter(({ name }) => kept.placed.get(name) === machine.id);
  return globalsFor(machine.metadata, [...roster.globals.values()], placed).some(({ name }) => name === unit);
}

/** What is wrong with a unit on its machine, as far as this can be seen without looking at other units. */
function lostBecause(
  name: string,
  machineID: string,
  { snapshot, gone, roster }: KeepInput,
): string | undefined {
  const machine = snapshot.machines.get(machineID);
  if (machine === undefined)
    return gone.has(machineID) ? `target Machine(${machineID}) went away` : undefined;
  if (machine.leaving) return `target Machine(${machineID}) is leaving`;
  if (snapshot.cordons.has(machineID)) return `target Machine(${machineID}) is being drained`;
  const requirements = roster.singles.get(name)?.requirements;
  if (requirements === undefined) return undefined;
  const unable = `target Machine(${machineID}) unable to run unit`;
  if (requirements.machineID !== undefined && !isMachineID(requirements.machineID, machineID)) {
    return `${unable}: agent ID "${machineID}" does not match required "${requirements.machineID}"`;
  }
  const fits = hasMetadata(machine.metadata, requirements.metadata);
  return fits ? undefined : `${unable}: local Machine metadata insufficient`;
}

/** The units of each present machine, those that drive others off first and then by name. */
function byMachine(kept: Kept, { snapshot, roster, precedence }: KeepInput): Candidate[][] {
  const machines = new Map<string, Candidate[]>();
  for (const [name, machineID] of kept.placed) {
    const unit = roster.singles.get(name);
    if (unit === undefined || !snapshot.machines.has(machineID)) continue;
    const units = machines.get(machineID);
    if (units === undefined) machines.set(machineID, [unit]);
    else units.push(unit);
  }
  for (const units of machines.values()) {
    units.sort((a, b) => precedence.rank(a) - precedence.rank(b) || (a.name < b.name ? -1 : 1));
  }
  return [...machines.values()];
}

/** Of units that must not be together, the first stays. */
function releaseClashes(kept: Kept, units: readonly Candidate[], precedence: Precedence): void {
  const hasOpinion = ({ requirements }: Candidate): boolean =>
    requirements.conflicts.length > 0 || requirements.replaces.length > 0;
  const opinionated = units.filter(hasOpinion);
  if (opinionated.length === 0) return;
  const staying: Candidate[] = [];
  for (const unit of units) {
    const others = hasOpinion(unit) ? staying : staying.filter(hasOpinion);
    const driver = others.find((other) => precedence.drivesOff(other, unit));
    const conflicts = others.filter((other) => clash(unit, other));
    if (driver !== undefined)
      release(kept, unit.name, `found replace with locally-scheduled Unit(${driver.name})`);
    else if (conflicts.length > 0)
      release(kept, unit.name, foundConflict(conflicts.map(({ name }) => name).sort()));
    else staying.push(unit);
  }
}
