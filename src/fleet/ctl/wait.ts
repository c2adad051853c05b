import { AppError, isAppError } from "../../foundation/errors.ts";
import type { FleetClient } from "../api/client.ts";
import type { Call } from "./command.ts";
import { isOn, numberOf } from "./command.ts";
import { type Bell, createBell } from "./bell.ts";
import { manyUnits } from "./known-units.ts";
import { hasArrived, progressOf } from "./progress.ts";
import type { Goal, Sight, Trouble } from "./progress.ts";
import { createStall } from "./stall.ts";
import { waitReporter } from "./wait-report.ts";

/** How long the API may stay away while we wait, ms: an etcd election or a restarted fleetd is no reason to give up. */
const outageLimit = 15_000;
/** fleetctl's "attempt", ms. */
const attempt = 2_000;

/** How long the options let us wait, ms. */
export function waitLimit(call: Call): number {
  const attempts = numberOf(call.options, "block-attempts", 0);
  return attempts <= 0 ? Infinity : attempts * attempt;
}

/** Whether the options say not to wait. */
export function doesNotWait(call: Call): boolean {
  return isOn(call.options, "no-block");
}

export interface WaitRequest extends Omit<Goal, "version"> {
  readonly names: readonly string[];
  /** ms; Infinity for ever. */
  readonly within: number;
  /** Units of which no line is printed: they had reached the state before. */
  readonly quiet?: ReadonlySet<string>;
  /** The hashes of the new versions of units that were replaced. */
  readonly versions?: ReadonlyMap<string, string>;
}

/**
 * Waits until each unit has reached the state and prints a line for each as it does. Says on standard error why units
 * cannot, and what those wait for that shall come but do not; gives the names of those that did not get there.
 */
export async function waitForUnits(call: Call, request: WaitRequest): Promise<readonly string[]> {
  if (request.names.length === 0) return [];
  const fleet = await call.fleet();
  const bell = createBell(fleet, request.names, call.world.clock);
  try {
    return await watchUnits(call, request, { fleet, bell });
  } finally {
    bell.close();
  }
}

async function watchUnits(
  call: Call,
  request: WaitRequest,
  { fleet, bell }: { readonly fleet: FleetClient; readonly bell: Bell },
): Promise<readonly string[]> {
  const { clock } = call.world;
  const started = clock.monotonic();
  const waiting = new Map(request.names.map((name) => [name, new Waiting(name, goalFor(name, request))]));
  const lost: string[] = [];
  const show = waitReporter(call, fleet);
  const stall = createStall(started);
  let lastAnswer = started;
  for (;;) {
    const looked = clock.monotonic();
    const sights = await lookOrWait(fleet, [...waiting.keys()], () => clock.monotonic() - lastAnswer);
    const now = clock.monotonic();
    if (sights !== undefined) lastAnswer = now;
    let news = false;
    for (const [name, sight] of sights ?? []) {
      const outcome = waiting.get(name)?.see(sight, now);
      news ||= outcome?.arrived === true || outcome?.over === true;
      if (outcome?.arrived && request.quiet?.has(name) !== true) await show.arrived(sight);
      if (outcome?.trouble !== undefined) {
        await show.trouble(name, sight, outcome.trouble);
        lost.push(name);
      }
      if (outcome?.over) waiting.delete(name);
    }
    if (waiting.size === 0) return lost;
    if (now - started >= request.within) break;
    const standing = sights === undefined ? [] : standingOf(request, waiting);
    const stalled = stall.look({ now, news, standing });
    await show.stalled(stalled.flatMap((name) => sights?.get(name) ?? []));
    const dues = [...waiting.values()].map((unit) => unit.due);
    const due = Math.min(started + request.within, stall.due, ...dues);
    const quiet = Math.min(longestQuiet, Math.max(0, due - now));
    await bell.next({ polling: pause(now - started), quiet, gather: gatherFor(waiting.size, now - looked) });
  }
  for (const name of waiting.keys()) {
    call.err(`Error waiting for units: timed out waiting for unit ${name} to report state ${request.state}`);
  }
  return [...lost, ...waiting.keys()];
}

function goalFor(name: string, { state, systemd, versions }: WaitRequest): Goal {
  return { state, systemd, version: versions?.get(name) };
}

/** The units that have yet to come to a machine, or to be started there. What is to be stopped just takes its time. */
function standingOf({ systemd }: WaitRequest, waiting: ReadonlyMap<string, Waiting>): readonly string[] {
  if (systemd !== "active" && systemd !== "loaded") return [];
  return [...waiting.values()].filter(({ arrived }) => !arrived).map(({ name }) => name);
}

/** How long to trust that an event stream would tell, ms. */
const longestQuiet = 2_000;

/** How long to gather news before the next look, ms. A look at many units is dear to the server that does the work. */
function gatherFor(units: number, lookTook: number): number {
  return units > manyUnits ? Math.min(500, Math.max(100, 4 * lookTook)) : 5;
}

/** Without an event stream: looks closely at first, since most units need a few milliseconds, and then less and less often. */
function pause(elapsed: number): number {
  if (elapsed < 1_000) return 25;
  return elapsed < 5_000 ? 100 : 250;
}

/** One unit's wait: what has been said of it, and since when it is in trouble. */
class Waiting {
  readonly #goal: Goal;
  #troubleSince: number | undefined;
  readonly name: string;
  /** Whether fleet called it what it shall be, once. */
  arrived = false;
  /** Monotonic time (ms) when trouble that stays turns into an error; Infinity when there is none. */
  due = Infinity;

  constructor(name: string, goal: Goal) {
    this.name = name;
    this.#goal = goal;
  }

  see(sight: Sight, now: number): { arrived: boolean; over: boolean; trouble?: Trouble } {
    const arrived = !this.arrived && hasArrived(sight, this.#goal);
    this.arrived ||= arrived;
    const progress = progressOf(sight, this.#goal);
    this.due = Infinity;
    if (progress.kind !== "trouble") {
      this.#troubleSince = undefined;
      return { arrived, over: progress.kind === "done" };
    }
    this.#troubleSince ??= now;
    this.due = this.#troubleSince + progress.patience;
    if (now < this.due) return { arrived, over: false };
    return { arrived, over: true, trouble: progress.trouble };
  }
}

async function lookOrWait(
  fleet: FleetClient,
  names: readonly string[],
  silence: () => number,
): Promise<ReadonlyMap<string, Sight> | undefined> {
  try {
    return await look(fleet, names);
  } catch (error) {
    const passing = ["E_ETCD", "E_TIMEOUT", "E_NODE_UNREACHABLE"] as const;
    if (passing.some((code) => isAppError(error, code)) && silence() < outageLimit) return undefined;
    throw error;
  }
}

async function look(fleet: FleetClient, names: readonly string[]): Promise<ReadonlyMap<string, Sight>> {
  if (names.length > manyUnits) {
    const [units, states] = await Promise.all([fleet.units(), fleet.states()]);
    const unitOf = new Map(units.map((unit) => [unit.name, unit]));
    const statesOf = Map.groupBy(states, ({ name }) => name);
    return new Map(names.map((name) => [name, { unit: unitOf.get(name), states: statesOf.get(name) ?? [] }]));
  }
  const one = async (name: string): Promise<readonly [string, Sight]> => {
    const [unit, states] = await Promise.all([fleet.unit(name), fleet.states({ unitName: name })]);
    return [name, { unit, states }];
  };
  return new Map(await Promise.all(names.map(one)));
}

/** Waits until the cluster has forgotten the units: neither registry nor machines know them. Throws E_TIMEOUT. */
export async function waitUntilGone(
  call: Call,
  names: readonly string[],
  onGone: (name: string) => void,
): Promise<void> {
  const fleet = await call.fleet();
  const bell = createBell(fleet, names, call.world.clock);
  try {
    await watchGoing(call, names, onGone, { fleet, bell });
  } finally {
    bell.close();
  }
}

async function watchGoing(
  call: Call,
  names: readonly string[],
  onGone: (name: string) => void,
  { fleet, bell }: { readonly fleet: FleetClient; readonly bell: Bell },
): Promise<void> {
  const { clock } = call.world;
  const started = clock.monotonic();
  let left = names;
  let lastAnswer = started;
  for (;;) {
    const looked = clock.monotonic();
    const sights = await lookOrWait(fleet, left, () => clock.monotonic() - lastAnswer);
    const took = clock.monotonic() - looked;
    if (sights !== undefined) lastAnswer = clock.monotonic();
    const still = left.filter((name) => {
      const sight = sights?.get(name);
      return sights === undefined || sight?.unit !== undefined || (sight?.states.length ?? 0) > 0;
    });
    for (const name of left) if (!still.includes(name)) onGone(name);
    left = still;
    const elapsed = clock.monotonic() - started;
    if (left.length === 0) return;
    if (elapsed >= waitLimit(call)) {
      throw new AppError("E_TIMEOUT", `timed out waiting for ${left.join(", ")} to disappear`, {
        hint: "a machine that still shows the unit may be slow to stop it: 'fleetctl list-units'",
      });
    }
    const quiet = Math.min(longestQuiet, waitLimit(call) - elapsed);
    await bell.next({ polling: pause(elapsed), quiet, gather: gatherFor(left.length, took) });
  }
}
