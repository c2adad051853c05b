import type { Clock } from "../../foundation/clock.ts";
import { type Gathering, letGather } from "../../foundation/gather.ts";
import type { Log } from "../../foundation/log.ts";
import type { Decision, Snapshot } from "../model.ts";
import type { Mirror, Session, Term } from "../registry/registry.ts";
import { type Belief, blankBelief, observe } from "./belief.ts";
import { createBell } from "./bell.ts";
import { standForElection } from "./lead.ts";
import { createPlanner, type Planner } from "./planner.ts";
import { carryOut } from "./carry-out.ts";
import { engineVersion } from "./version.ts";

/** Each plan looks at all units, so in a burst the next one waits for more. */
const gathering: Gathering = { times: 2, atMost: 50 };

export interface EngineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The machines' lease time to live, ms. */
  readonly ttl: number;
  /** How long to hold when more than half of the machines vanish at once, ms; 10 s unless told. */
  readonly outageGrace?: number;
  /** How long a machine that vanished has to come back, ms; a twentieth of `ttl` unless told. */
  readonly returnGrace?: number;
  /** `engineVersion` unless told. */
  readonly version?: number;
}

/** What the engine is doing, for logs and people. */
export interface EngineStatus {
  readonly leading: boolean;
  /** Monotonic time (ms) until which no machine is believed gone, because too many vanished at once. */
  readonly holdingUntil: number | undefined;
  /** Since this engine was made. */
  readonly counts: Counts;
  /** What was written last. */
  readonly lastDecisions: readonly Decision[];
  /** Units that get a machine as soon as another has let go. */
  readonly waiting: readonly { readonly unit: string; readonly reason: string }[];
}

export interface Counts {
  /** Times that it became the leader. */
  readonly terms: number;
  /** Looks at the cluster. */
  readonly turns: number;
  /** Written decisions by kind. */
  readonly decisions: Readonly<Record<Decision["kind"], number>>;
  /** Commits that failed. */
  readonly failures: number;
}

export interface Engine {
  readonly status: EngineStatus;
  /**
   * Takes part with this session: stands for election, and while it leads makes the placements follow the units and
   * machines. Sleeps while nothing changes. Resolves when the session is lost or the signal aborts; call it again with
   * the next session. Rejects only for mistakes of ours and when the mirror is closed.
   */
  run(session: Session, mirror: Mirror, signal: AbortSignal): Promise<void>;
}

/** An engine that remembers, over several sessions, which machines it has seen. */
export function createEngine(options: EngineOptions): Engine {
  const memory: Memory = {
    belief: blankBelief,
    leading: false,
    lastDecisions: [],
    waiting: [],
    counts: noCounts(),
  };
  return {
    get status() {
      const { leading, lastDecisions, waiting, belief, counts } = memory;
      return { leading, lastDecisions, waiting, counts, holdingUntil: belief.holdingUntil };
    },
    run: (session, mirror, signal) =>
      run({ ...usual(options.ttl), ...options, session, mirror, memory }, signal),
  };
}

/** What does not need to be told. */
function usual(ttl: number): Required<Pick<EngineOptions, "outageGrace" | "returnGrace" | "version">> {
  return { outageGrace: 10_000, returnGrace: ttl / 20, version: engineVersion };
}

interface Memory {
  belief: Belief;
  leading: boolean;
  lastDecisions: readonly Decision[];
  waiting: EngineStatus["waiting"];
  readonly counts: Tally;
}

/** Counts that grow. */
export interface Tally {
  terms: number;
  turns: number;
  failures: number;
  readonly decisions: Record<Decision["kind"], number>;
}

function noCounts(): Tally {
  return { terms: 0, turns: 0, failures: 0, decisions: { place: 0, release: 0, refuse: 0, forgive: 0 } };
}

interface Context extends Required<EngineOptions> {
  readonly session: Session;
  readonly mirror: Mirror;
  readonly memory: Memory;
}

async function run(context: Context, signal: AbortSignal): Promise<void> {
  const { session, mirror, memory, version, clock, log } = context;
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, session.lost, failed.signal]);
  const bell = createBell(clock);
  let term: Term | undefined;
  const onTerm = (next: Term | undefined): void => {
    term = next;
    memory.leading = next !== undefined;
    if (next !== undefined) memory.counts.terms += 1;
    bell.ring();
  };
  stop.addEventListener("abort", () => bell.ring(), { once: true });
  const work = async (): Promise<void> => {
    const planner = createPlanner();
    while (!stop.aborted) {
      const since = clock.monotonic();
      const lookAgainAt = await turn(context, { term, planner }, stop);
      await letGather(gathering, { clock, since, signal: stop });
      await bell.heard(lookAgainAt);
    }
  };
  const together = [
    standForElection({ session, mirror, version, clock, log, onTerm }, stop),
    untilAborted(stop, async () => {
      for (;;) {
        await mirror.changed(stop);
        bell.ring();
      }
    }),
    untilAborted(stop, work),
  ];
  try {
    await Promise.all(together);
  } finally {
    failed.abort(new Error("the engine has stopped"));
    await Promise.allSettled(together);
  }
}

/** Runs `work`; that it fails once the signal has aborted is the expected end. */
async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Looks once and does what is to be done. Gives the monotonic time when to look again though nothing changes. */
async function turn(
  context: Context,
  { term, planner }: { readonly term: Term | undefined; readonly planner: Planner },
  stop: AbortSignal,
): Promise<number | undefined> {
  const { mirror, memory } = context;
  // What an outdated copy does not show proves nothing.
  if (!mirror.fresh) return undefined;
  const { snapshot } = mirror;
  memory.counts.turns += 1;
  const leads = term !== undefined && !term.over.aborted;
  // Who does not lead only remembers which machines there were.
  const named = leads ? machinesNamedIn(snapshot) : new Set<string>();
  const { gone, lookAgainAt } = look(context, snapshot, named);
  if (!leads) return lookAgainAt;
  const plan = planner.plan(snapshot, gone);
  memory.waiting = plan.waiting;
  if (plan.decisions.length === 0) return lookAgainAt;
  memory.lastDecisions = plan.decisions;
  const retryAt = await carryOut(plan.decisions, { ...context, term, counts: memory.counts }, stop);
  planner.forget();
  return retryAt;
}

function look(context: Context, snapshot: Snapshot, named: ReadonlySet<string>): ReturnType<typeof observe> {
  const { memory, session, clock, log } = context;
  const before = memory.belief.holdingUntil;
  const sight = {
    now: clock.monotonic(),
    machines: snapshot.machines,
    named,
    unbrokenSince: session.unbrokenSince,
  };
  const conclusion = observe(memory.belief, sight, context);
  memory.belief = conclusion.belief;
  const { holdingUntil, vanished } = conclusion.belief;
  if (before === undefined && holdingUntil !== undefined) {
    const fields = { vanished: [...vanished.keys()].sort().join(","), grace_ms: context.outageGrace };
    log.warn("more than half of the machines vanished at once: holding before anything is moved", fields);
  }
  if (before !== undefined && holdingUntil === undefined)
    log.info("no longer holding", { gone: conclusion.gone.size });
  return conclusion;
}

function machinesNamedIn(snapshot: Snapshot): Set<string> {
  const named = new Set<string>();
  for (const { machineID } of snapshot.placements.values()) named.add(machineID);
  for (const states of snapshot.states.values()) for (const id of states.keys()) named.add(id);
  return named;
}
