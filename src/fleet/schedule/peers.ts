import type { Candidate, Roster } from "./roster.ts";

/**
 * Units that lack something that they must be together with: the peer does not exist, shall not run, or lacks a peer
 * itself. For each the peer that is missing. Units that require one another support one another.
 */
export function unsupported(roster: Roster): ReadonlyMap<string, string> {
  const missing = new Map<string, string>();
  const followers = followersOf(roster.singles.values());
  const lost: string[] = [];
  const drop = (name: string, peer: string): void => {
    if (missing.has(name)) return;
    missing.set(name, peer);
    lost.push(name);
  };
  for (const { name, requirements } of roster.singles.values()) {
    const absent = requirements.peers.find((peer) => !roster.singles.has(peer) && !roster.globals.has(peer));
    if (absent !== undefined) drop(name, absent);
  }
  for (let peer = lost.pop(); peer !== undefined; peer = lost.pop()) {
    for (const follower of followers.get(peer) ?? []) drop(follower, peer);
  }
  return missing;
}

/** For each unit the units that name it in MachineOf. */
export function followersOf(units: Iterable<Candidate>): ReadonlyMap<string, readonly string[]> {
  const followers = new Map<string, string[]>();
  for (const { name, requirements } of units) {
    for (const peer of requirements.peers) {
      const known = followers.get(peer);
      if (known === undefined) followers.set(peer, [name]);
      else known.push(name);
    }
  }
  return followers;
}

/**
 * Gathers units that are bound to one another by MachineOf, in whatever direction and over how many steps: such a group
 * can only be on one machine. Members and groups come in the order of names.
 */
export function groupsOf(units: ReadonlyMap<string, Candidate>): Candidate[][] {
  const followers = followersOf(units.values());
  const seen = new Set<string>();
  const groups: Candidate[][] = [];
  for (const name of [...units.keys()].sort()) {
    const members: Candidate[] = [];
    const open = [name];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const unit = units.get(next);
      if (unit === undefined || seen.has(next)) continue;
      seen.add(next);
      members.push(unit);
      open.push(...unit.requirements.peers, ...(followers.get(next) ?? []));
    }
    if (members.length > 0) groups.push(members.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }
  return groups;
}
