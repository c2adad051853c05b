import type { Clock } from "../../foundation/clock.ts";
import { AppError, messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { Machine, Snapshot, UnitState } from "../model.ts";
import type { Mirror, Session } from "../registry/registry.ts";
import type { LocalUnit, Systemd } from "../systemd/systemd.ts";
import { adopt } from "./adopt.ts";
import { createDesired, wantsSame } from "./desired.ts";
import { createOrphans, type Orphans, type OrphansOptions } from "./orphans.ts";
import type { Want } from "./plan.ts";
import { createPublisher } from "./publisher.ts";
import { createStartOrder } from "./start-order.ts";
import { createUnitWorker, type UnitWorker } from "./unit-worker.ts";

export interface AgentOptions extends Partial<Pick<OrphansOptions, "origin" | "keepOrigin">> {
  readonly machine: Machine;
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when fleetd ends. Units are then left as they are. */
  readonly signal: AbortSignal;
}

/** Makes the local systemd match the schedule, and says in the registry what became of it. */
export interface Agent {
  /**
   * Looks at what an earlier agent left (waiting for systemd as long as it takes) and touches nothing yet.
   * `published` are the states that it published and that are still in the registry.
   */
  begin(published: ReadonlyMap<string, UnitState>): Promise<void>;
  /**
   * Follows the schedule under one session, until the signal aborts or the session is lost. While the mirror is not
   * fresh, nothing new is begun: losing etcd never stops a unit.
   */
  serve(session: Session, mirror: Mirror, options: ServeOptions): Promise<void>;
  /**
   * Gives all units up: stops them side by side and takes back what was published of each as it ends. Whether the
   * registry has heard of it; when it does not answer there is nobody to hand units over to, and it is not waited for.
   */
  leave(session: Session | undefined, options: LeaveOptions): Promise<"heard" | "unheard">;
}

export interface ServeOptions {
  /** Whether the session was begun by an earlier fleetd: what that one published is still there. */
  readonly resumed: boolean;
  readonly signal: AbortSignal;
}

export interface LeaveOptions {
  /** How long the units may take to stop, ms. */
  readonly stopWithin: number;
  /** The same when the registry does not answer, ms. */
  readonly stopAloneWithin: number;
  /** How long the registry may take to hear of it after that, ms. */
  readonly tellWithin: number;
}

const listRetry = 1_000;

export function createAgent(options: AgentOptions): Agent {
  return new LocalAgent(options);
}

/** What a machine has published, by unit. */
export function publishedBy(machineID: string, snapshot: Snapshot): Map<string, UnitState> {
  return new Map(
    [...snapshot.states].flatMap(([unit, byMachine]): [string, UnitState][] => {
      const state = byMachine.get(machineID);
      return state === undefined ? [] : [[unit, state]];
    }),
  );
}

class LocalAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #publisher;
  readonly #desired = createDesired();
  readonly #orphans: Orphans;
  readonly #order;
  readonly #workers = new Map<string, UnitWorker>();
  #leaving = false;
  #gone = Promise.withResolvers<void>();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#publisher = createPublisher(options);
    this.#orphans = createOrphans({ origin: undefined, keepOrigin: async () => undefined, ...options });
    this.#order = createStartOrder(options.clock);
  }

  async begin(published: ReadonlyMap<string, UnitState>): Promise<void> {
    const changes = this.#options.systemd.changes(this.#options.signal);
    for (const unit of await this.#list()) this.#add(unit.name, unit, published.get(unit.name));
    void this.#hear(changes);
  }

  async serve(session: Session, mirror: Mirror, { resumed, signal }: ServeOptions): Promise<void> {
    const { machine } = this.#options;
    const until = AbortSignal.any([signal, session.lost]);
    this.#publisher.attach(session, resumed ? publishedBy(machine.id, mirror.snapshot) : new Map());
    try {
      let seen: Snapshot | undefined;
      while (!until.aborted && !this.#leaving) {
        if (mirror.fresh && mirror.snapshot !== seen) {
          const now = mirror.snapshot;
          // Most news are what machines publish, which changes nothing of what shall be here.
          if (seen === undefined || !wantsSame(seen, now)) {
            const orphans = this.#orphans.among([...this.#workers.keys()], mirror);
            this.#apply(this.#desired.of(now, machine), orphans);
          }
          seen = now;
        }
        await mirror.changed(until);
      }
    } catch (error) {
      if (!until.aborted) throw error;
    } finally {
      if (!this.#leaving) this.#publisher.detach();
    }
  }

  async leave(session: Session | undefined, options: LeaveOptions): Promise<"heard" | "unheard"> {
    const { clock, log } = this.#options;
    const { stopWithin, stopAloneWithin, tellWithin } = options;
    this.#leaving = true;
    const heard = await this.#announce(session, tellWithin);
    this.#apply(new Map());
    await bounded(clock, heard ? stopWithin : stopAloneWithin, (signal) => this.#allGone(signal)).catch(
      () => {
        log.warn("units that did not stop in time stay behind", {
          units: [...this.#workers.keys()].join(" "),
        });
      },
    );
    if (heard && session?.lost.aborted === false) {
      await bounded(clock, tellWithin, (signal) => this.#publisher.flushed(signal)).catch(() => {
        log.warn("could not take back the states of the stopped units");
      });
    }
    this.#publisher.detach();
    return heard ? "heard" : "unheard";
  }

  /** The engine shall neither send units here nor take their end for a failure. */
  async #announce(session: Session | undefined, within: number): Promise<boolean> {
    const { clock, log, machine } = this.#options;
    if (session === undefined) return false;
    try {
      await bounded(clock, within, (signal) => session.updateMachine({ ...machine, leaving: true }, signal));
      return true;
    } catch (error) {
      log.warn("could not announce that this machine leaves", { why: messageOf(error) });
      return false;
    }
  }

  async #list(): Promise<readonly LocalUnit[]> {
    const { systemd, clock, log, signal } = this.#options;
    for (;;) {
      try {
        return await systemd.list(signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("could not list the local units", { why: messageOf(error) });
        await clock.sleep(listRetry, signal);
      }
    }
  }

  async #hear(changes: ReturnType<Systemd["changes"]>): Promise<void> {
    for await (const { name, status } of changes) this.#workers.get(name)?.hear(status);
  }

  #apply(desired: ReadonlyMap<string, Want>, orphans: ReadonlySet<string> = new Set()): void {
    // What is given up goes first: others may wait for its end.
    for (const [name, worker] of this.#workers)
      if (!desired.has(name) && !orphans.has(name)) worker.want(undefined);
    for (const [name, want] of desired) (this.#workers.get(name) ?? this.#add(name)).want(want);
  }

  #add(name: string, found?: LocalUnit, published?: UnitState): UnitWorker {
    const { machine, systemd, clock, log, signal } = this.#options;
    const worker = createUnitWorker({
      name,
      machineID: machine.id,
      systemd,
      clock,
      log,
      order: this.#order,
      signal,
      local: found === undefined ? undefined : adopt(found, published),
      status: found?.status,
      publish: (state) => this.#publisher.set(name, state),
      onGone: () => {
        this.#workers.delete(name);
        if (this.#workers.size === 0) this.#gone.resolve();
      },
    });
    this.#workers.set(name, worker);
    return worker;
  }

  async #allGone(signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    aborted.catch(() => undefined);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    while (this.#workers.size > 0) {
      this.#gone = Promise.withResolvers();
      await Promise.race([this.#gone.promise, aborted]);
    }
  }
}

/** Runs `work` with a signal that aborts after `ms`, and waits no longer than that. */
async function bounded(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const late = new AbortController();
  const timer = clock.sleep(ms, over.signal).then(() => {
    const error = new AppError("E_TIMEOUT", `not done within ${ms} ms`);
    late.abort(error);
    throw error;
  });
  timer.catch(() => undefined);
  try {
    await Promise.race([work(late.signal), timer]);
  } finally {
    over.abort(new Error("done"));
  }
}
