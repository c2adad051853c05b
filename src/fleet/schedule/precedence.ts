import { groupsOf } from "./peers.ts";
import type { Candidate, Roster } from "./roster.ts";

/** Which unit drives which off its machine. */
export interface Precedence {
  /** Whether `other` must leave a machine on which `unit` is placed. */
  drivesOff(unit: Candidate, other: Candidate): boolean;
  /** Units with a lower number are placed first; nobody drives off a unit with a lower or the same number. */
  rank(unit: Candidate): number;
}

/**
 * Reads Replaces as an order. It goes by groups, and groups that would replace each other, directly or in a circle, do
 * not: so nobody is driven around for ever.
 */
export function precedenceOf(roster: Roster): Precedence {
  const replacers = [...roster.singles.values()].filter((unit) => unit.requirements.replaces.length > 0);
  if (replacers.length === 0) return { drivesOff: () => false, rank: () => 0 };
  const groupOf = new Map<string, number>();
  for (const [index, members] of groupsOf(roster.singles).entries()) {
    for (const { name } of members) groupOf.set(name, index);
  }
  const group = (unit: Candidate): number => groupOf.get(unit.name) ?? -1;
  const targets = new Map<number, Set<number>>();
  for (const unit of replacers) {
    const hit = targets.get(group(unit)) ?? new Set();
    for (const other of roster.singles.values()) if (unit.replaces(other.name)) hit.add(group(other));
    targets.set(group(unit), hit);
  }
  const circles = circlesFromLast(targets);
  const last = circles.size;
  const rank = (unit: Candidate): number => last - (circles.get(group(unit)) ?? 0);
  return { rank, drivesOff: (unit, other) => rank(unit) < rank(other) && unit.replaces(other.name) };
}

/**
 * Numbers the nodes of a graph so that a node's number is higher than that of all nodes it points to, and equal for
 * nodes on a common circle (Tarjan's algorithm, without recursion).
 */
function circlesFromLast(targets: ReadonlyMap<number, ReadonlySet<number>>): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const low = new Map<number, number>();
  const result = new Map<number, number>();
  const path: number[] = [];
  for (const root of [...targets.keys()].sort((a, b) => a - b)) {
    if (found.has(root)) continue;
    const open = [enter(root)];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) leave(open.pop()?.node ?? root, open.at(-1)?.node);
      else if (!found.has(next.value)) open.push(enter(next.value));
      else if (!result.has(next.value)) lower(top.node, found.get(next.value) ?? 0);
    }
  }
  return result;

  function enter(node: number): { node: number; rest: Iterator<number, undefined> } {
    found.set(node, found.size);
    low.set(node, found.size - 1);
    path.push(node);
    return { node, rest: (targets.get(node) ?? new Set<number>()).values() };
  }
  function lower(node: number, to: number): void {
    low.set(node, Math.min(low.get(node) ?? to, to));
  }
  function leave(node: number, parent: number | undefined): void {
    if (parent !== undefined) lower(parent, low.get(node) ?? 0);
    if (low.get(node) !== found.get(node)) return;
    const number = result.size + 1;
    const circle = path.splice(path.lastIndexOf(node));
    for (const member of circle) result.set(member, number);
  }
}
