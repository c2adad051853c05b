import type { Snapshot } from "../model.ts";
import { ableToRun, clash, type Verdict } from "./able.ts";
import type { Board } from "./board.ts";
import { type Kept, release, releaseWithoutPeers } from "./keep.ts";
import type { Precedence } from "./precedence.ts";
import type { Candidate, Roster } from "./roster.ts";
import { loadOf, type View } from "./view.ts";

/** What became of a group of units that needed a machine. */
export type Outcome =
  | { readonly kind: "placed"; readonly view: View; readonly reason: string }
  | { readonly kind: "waiting"; readonly reason: string }
  | { readonly kind: "refused" };

export interface Plan {
  readonly snapshot: Snapshot;
  readonly roster: Roster;
  readonly precedence: Precedence;
  readonly kept: Kept;
  readonly board: Board;
}

/** Finds a machine for a group and puts it there, or says why not yet or not at all. */
export function placeGroup(group: readonly Candidate[], plan: Plan): Outcome {
  const outcome = decide(group, plan);
  if (outcome.kind === "placed") put(group, outcome.view, plan);
  return outcome;
}

/** Whether the whole group can be on a machine: the worst of its members' verdicts. */
function judgeGroup(group: readonly Candidate[], view: View, plan: Plan): Verdict {
  const context = { group: new Set(group.map(({ name }) => name)), precedence: plan.precedence };
  let worst: Verdict = { kind: "able" };
  for (const unit of group) {
    const verdict = ableToRun(unit, view, context);
    if (verdict.kind === "unable") return verdict;
    if (verdict.kind === "later") worst = verdict;
  }
  return worst;
}

/** The first two members that must not be together; such a group fits nowhere. */
export function clashWithin(group: readonly Candidate[]): readonly [Candidate, Candidate] | undefined {
  for (const [index, one] of group.entries()) {
    const other = group.slice(index + 1).find((later) => clash(one, later));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

function decide(group: readonly Candidate[], plan: Plan): Outcome {
  const { board } = plan;
  const doubtful = doubtfulPeer(group, plan);
  if (doubtful !== undefined) return waiting(`its peer's Machine(${doubtful}) does not answer`);
  const holding = group.flatMap(({ name }) => {
    const from = plan.kept.released.get(name)?.from ?? "";
    return plan.snapshot.machines.has(from) ? [from] : [];
  });
  if (holding[0] !== undefined) return waiting(`Machine(${holding[0]}) has yet to give it up`);
  const holders = [...new Set(group.flatMap(({ name }) => board.holdersOf(name)))].sort();
  if (holders.length > 0) return atHolder(group, holders, plan);
  if (clashWithin(group) !== undefined) return { kind: "refused" };
  let later: View | undefined;
  for (const view of board.order.views) {
    const verdict = judgeGroup(group, view, plan);
    if (verdict.kind === "able") return { kind: "placed", view, reason: why(group, view) };
    if (verdict.kind === "later") later ??= view;
  }
  if (later === undefined) return { kind: "refused" };
  return waiting(`Machine(${later.machine.id}) has yet to stop a unit that conflicts`);
}

function waiting(reason: string): Outcome {
  return { kind: "waiting", reason };
}

/** A group of which a machine still holds a part goes there or nowhere, until it has let go. */
function atHolder(group: readonly Candidate[], holders: readonly string[], plan: Plan): Outcome {
  const [id = "", ...others] = holders;
  const view = others.length === 0 ? plan.board.views.get(id) : undefined;
  const able =
    view !== undefined && clashWithin(group) === undefined && judgeGroup(group, view, plan).kind === "able";
  if (!able) return waiting(`Machine(${id}) has yet to stop it`);
  const [first] = group;
  return {
    kind: "placed",
    view,
    reason: `target state ${first?.desired} and unit not scheduled; this machine still holds it`,
  };
}

/** The machine of a peer that is neither registered nor believed gone. */
function doubtfulPeer(group: readonly Candidate[], { snapshot, kept }: Plan): string | undefined {
  const machines = group.flatMap(({ requirements }) =>
    requirements.peers.map((peer) => kept.placed.get(peer)),
  );
  return machines.find((id) => id !== undefined && !snapshot.machines.has(id));
}

function why(group: readonly Candidate[], view: View): string {
  const others = group.length - 1;
  const count = loadOf(view);
  const load = `least loaded of those that can run it (${count} ${count === 1 ? "unit" : "units"})`;
  const together = others === 0 ? "" : `, as a group of ${group.length} units`;
  return `target state ${group[0]?.desired} and unit not scheduled; ${load}${together}`;
}

function put(group: readonly Candidate[], view: View, plan: Plan): void {
  plan.board.order.change(view, () => {
    for (const unit of group) {
      plan.kept.placed.set(unit.name, view.machine.id);
      view.units.set(unit.name, unit);
      view.lingering.delete(unit.name);
    }
  });
  for (const unit of group) {
    if (unit.requirements.replaces.length > 0) driveOff(unit, view, plan);
  }
}

/** The units that `unit` replaces leave its machine, and their followers with them. */
function driveOff(unit: Candidate, view: View, plan: Plan): void {
  const driven = [...view.units.values()].filter((other) => plan.precedence.drivesOff(unit, other));
  for (const { name } of driven)
    release(plan.kept, name, `found replace with locally-scheduled Unit(${unit.name})`);
  if (driven.length === 0) return;
  const gone = [...driven.map(({ name }) => name), ...releaseWithoutPeers(plan.kept, plan)];
  plan.board.order.change(view, () => {
    for (const name of gone) {
      const leaving = view.units.get(name);
      if (leaving === undefined) continue;
      view.units.delete(name);
      view.lingering.set(name, leaving);
    }
  });
}
