import type { Decision, Refusal, Snapshot, Unit } from "../model.ts";
import { type Requirements, requirementsOf as readRequirements } from "../unit/requirements.ts";
import { createBoard } from "./board.ts";
import { keepPlacements } from "./keep.ts";
import { groupsOf, unsupported } from "./peers.ts";
import { type Plan, placeGroup } from "./place.ts";
import { precedenceOf } from "./precedence.ts";
import { refuse, refuseWithout, sameRefusal } from "./refuse.ts";
import { type Candidate, rosterOf } from "./roster.ts";

export interface ScheduleInput {
  readonly snapshot: Snapshot;
  /**
   * Machines that are believed gone, by id. A machine that is neither here nor registered is in doubt: what is placed
   * on it stays, and it takes nothing.
   */
  readonly gone: ReadonlySet<string>;
  /** For callers that remember what they have read; else each unit is read anew. */
  readonly requirementsOf?: (unit: Unit) => Requirements;
}

export interface Schedule {
  /** What to write, in this order. Nothing when all is as it should be. */
  readonly decisions: readonly Decision[];
  /** Units that get a machine as soon as another has let go. Only then do published states matter to the next plan. */
  readonly waiting: readonly { readonly unit: string; readonly reason: string }[];
}

/**
 * Decides which unit belongs on which machine. The same input gives the same decisions, whatever the order of its maps.
 * A unit is never given to a machine while another that is alive may still have it: its release is one plan's decision
 * and its new place a later one's.
 */
export function schedule(input: ScheduleInput): Schedule {
  const plan = draftOf(input);
  const notes = placeAll(plan);
  return { decisions: decisionsOf(plan, notes), waiting: notes.waiting };
}

/** The plan before anything is placed: who stays where, and who has to go. */
export function draftOf({ snapshot, gone, requirementsOf = readRequirements }: ScheduleInput): Plan {
  const roster = rosterOf(snapshot, requirementsOf);
  const precedence = precedenceOf(roster);
  const kept = keepPlacements({ snapshot, gone, roster, precedence });
  const board = createBoard({ snapshot, gone, roster, kept, requirementsOf });
  return { snapshot, roster, precedence, kept, board };
}

interface Notes {
  /** By unit, in the order in which they were placed. */
  readonly places: Map<string, string>;
  readonly refusals: Refusal[];
  readonly waiting: { readonly unit: string; readonly reason: string }[];
}

function placeAll(plan: Plan): Notes {
  const { roster, kept } = plan;
  const notes: Notes = { places: new Map(), refusals: [], waiting: [] };
  const missing = unsupported(roster);
  const open = new Map<string, Candidate>();
  for (const [name, unit] of roster.singles) {
    const peer = missing.get(name);
    if (kept.placed.has(name)) continue;
    if (peer === undefined) open.set(name, unit);
    else notes.refusals.push(refuseWithout(name, peer, plan));
  }
  for (const group of inOrder(groupsOf(open), plan)) {
    const outcome = placeGroup(group, plan);
    for (const unit of group) {
      if (outcome.kind === "placed") notes.places.set(unit.name, outcome.reason);
      else if (outcome.kind === "waiting") notes.waiting.push({ unit: unit.name, reason: outcome.reason });
      else notes.refusals.push(refuse(unit, group, plan));
    }
  }
  return notes;
}

/** Those that drive others off first, then those with the least choice, then large groups, then by name. */
function inOrder(groups: readonly Candidate[][], { precedence }: Plan): Candidate[][] {
  const keyed = groups.map((group) => ({
    group,
    rank: Math.min(...group.map((unit) => precedence.rank(unit))),
    choice: Math.min(...group.map(choiceOf)),
    name: group[0]?.name ?? "",
  }));
  keyed.sort(
    (a, b) =>
      a.rank - b.rank || a.choice - b.choice || b.group.length - a.group.length || (a.name < b.name ? -1 : 1),
  );
  return keyed.map(({ group }) => group);
}

/** 0 for one machine, 1 for some, 2 for any. A follower's choice is that of its peer, which may have its place. */
function choiceOf({ requirements }: Candidate): number {
  if (requirements.machineID !== undefined) return 0;
  return requirements.metadata.size > 0 || requirements.peers.length > 0 ? 1 : 2;
}

/** Puts the difference between plan and registry into words. */
function decisionsOf({ snapshot, kept, roster }: Plan, notes: Notes): Decision[] {
  const decisions: Decision[] = [];
  for (const [unit, { from, reason }] of [...kept.released].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (snapshot.placements.has(unit)) decisions.push({ kind: "release", unit, from, reason });
  }
  for (const [unit, reason] of notes.places) {
    const machineID = kept.placed.get(unit);
    if (machineID !== undefined) decisions.push({ kind: "place", placement: { unit, machineID, reason } });
  }
  for (const refusal of notes.refusals) {
    if (sameRefusal(refusal, snapshot.refusals.get(refusal.unit))) continue;
    decisions.push({ kind: "refuse", refusal });
  }
  for (const unit of [...snapshot.refusals.keys()].sort()) {
    if (kept.placed.has(unit) || !roster.singles.has(unit)) decisions.push({ kind: "forgive", unit });
  }
  return decisions;
}
