import { showDuration } from "../../foundation/duration.ts";
import type { HistoryEvent } from "../history/history.ts";
import { blindsFleet } from "./effects.ts";
import { faultsAround, type Facts } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { lastAudits } from "./audits.ts";

/**
 * How long fleet on a container may need to publish what systemd has done, ms. Two that differ for a shorter time are about to agree; two
 * that differ for longer do not, whatever they say later.
 */
const publishWithin = 3_000;

/** What fleet says of a unit is what the machine's own systemd says. */
export const statusAgrees: Invariant = {
  name: "status-agrees",
  about: "what fleet says of each unit is what the machine's own systemd says",
  check: (facts) => {
    const published = facts.events.some(
      (event) => event.kind === "registry" && event.record.type === "state",
    );
    const audits = lastAudits(facts, "after").filter(({ audit }) => audit.states !== undefined);
    if (!published && audits.length === 0) return undefined;
    return [...(published ? lies(facts) : []), ...standing(facts)];
  },
};

interface Pair {
  readonly node: string;
  readonly unit: string;
  /** By systemd; undefined while the machine is out of sight. */
  real: string | undefined;
  /** By fleet; undefined when it has withdrawn the state. */
  told: string | undefined;
  /** Since when they differ. */
  since: number | undefined;
  because: string;
}

const isActive = (state: string | undefined): boolean =>
  state === "active" || state === "reloading" || state === "activating";

/** Times longer than fleet may need in which it published something else than systemd said. */
function lies(facts: Facts): Finding[] {
  const pairs = new Map<string, Pair>();
  const findings: Finding[] = [];
  const settle = (pair: Pair, at: number): void => {
    const differ = pair.real !== undefined && isActive(pair.real) !== isActive(pair.told);
    if (differ && pair.since === undefined) {
      pair.since = at;
      pair.because = `fleet said ${pair.told ?? "nothing"}, systemd ${pair.real}`;
    } else if (!differ && pair.since !== undefined) {
      if (at - pair.since > publishWithin * facts.patience && !excused(facts, pair, at))
        findings.push(lie(pair, at));
      pair.since = undefined;
    }
  };
  for (const event of facts.events) {
    for (const pair of touched(pairs, event, facts)) settle(pair, event.at);
  }
  for (const pair of pairs.values()) {
    if (pair.since === undefined || facts.end - pair.since <= publishWithin * facts.patience) continue;
    if (!excused(facts, pair, facts.end)) findings.push(lie(pair, facts.end));
  }
  return findings;
}

function lie(pair: Pair, until: number): Finding {
  const text = `${pair.unit} on ${pair.node}: ${pair.because}, for ${showDuration(until - (pair.since ?? until))}`;
  return { weight: "broken", text, at: pair.since ?? until };
}

/** Brings the pairs up to date with the event, and gives those that it touched. */
function touched(pairs: Map<string, Pair>, event: HistoryEvent, facts: Facts): Pair[] {
  const pairOf = (node: string, unit: string): Pair => {
    const key = `${node} ${unit}`;
    const pair = pairs.get(key) ?? {
      node,
      unit,
      real: undefined,
      told: undefined,
      since: undefined,
      because: "",
    };
    pairs.set(key, pair);
    return pair;
  };
  if (event.kind === "sample") {
    const pair = pairOf(event.node, event.unit);
    pair.real = event.active;
    return [pair];
  }
  if (event.kind === "sight" && !event.seen) {
    const hidden = [...pairs.values()].filter(({ node }) => node === event.node);
    for (const pair of hidden) pair.real = undefined;
    return hidden;
  }
  if (event.kind === "registry" && event.record.type === "state") {
    if (!(facts.begin?.units ?? []).includes(event.record.unit)) return [];
    const pair = pairOf(event.record.machine, event.record.unit);
    pair.told = event.record.active;
    return [pair];
  }
  return [];
}

/** A machine under a fault, or one that just recovered, cannot tell; nor can fleet without etcd. */
function excused(facts: Facts, pair: Pair, until: number): boolean {
  const from = pair.since ?? until;
  const around = faultsAround(facts, from, until);
  if (around.some((span) => span.node === pair.node || blindsFleet(span))) return true;
  const down = new Set(around.filter(({ effect }) => effect === "off").map(({ node }) => node));
  return down.size * 2 >= facts.nodes.length;
}

/** What fleet's API last said on a machine, and systemd says otherwise. */
export interface Contradiction {
  readonly text: string;
  /** When the API was asked, ms of the run. */
  readonly at: number;
  /** How long systemd had said otherwise by then, ms. */
  readonly for: number;
}

/** Those that have lasted: an API that was asked while systemd had just begun to end a unit tells no lie. */
function standing(facts: Facts): Finding[] {
  return contradictions(facts)
    .filter((found) => found.for > publishWithin * facts.patience)
    .map(({ text, at }) => ({ weight: "broken", text, at }));
}

/** What fleet's API said on each machine when it was last asked, against what systemd said there at that time. */
export function contradictions(facts: Facts): Contradiction[] {
  return lastAudits(facts, "after").flatMap(({ at, audit }) => {
    const real = realStates(facts, at);
    return (audit.states ?? []).flatMap(({ unit, machine, active }) => {
      const state = real.get(`${machine} ${unit}`);
      if (state === undefined || isActive(state.active) === isActive(active)) return [];
      const text = `${audit.node}'s fleet says that ${unit} on ${machine} is ${active}, systemd there says ${state.active}`;
      return [{ text, at, for: at - state.since }];
    });
  });
}

/** What systemd said of each unit on each machine in sight at that time, and since when it had been running, or not. */
function realStates(facts: Facts, at: number): ReadonlyMap<string, { active: string; since: number }> {
  const states = new Map<string, { active: string; since: number }>();
  for (const event of facts.events) {
    if (event.at > at) break;
    if (event.kind === "sight" && !event.seen) {
      for (const key of states.keys()) if (key.startsWith(`${event.node} `)) states.delete(key);
    }
    if (event.kind !== "sample") continue;
    const key = `${event.node} ${event.unit}`;
    const before = states.get(key);
    const same = before !== undefined && isActive(before.active) === isActive(event.active);
    states.set(key, { active: event.active, since: same ? before.since : event.at });
  }
  return states;
}
