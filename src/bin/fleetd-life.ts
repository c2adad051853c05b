import type { Clock } from "../foundation/clock.ts";
import { AppError, isAppError, messageOf } from "../foundation/errors.ts";
import type { Log } from "../foundation/log.ts";
import type { Absence } from "../fleet/api/absence.ts";
import { createAgent, publishedBy, type Agent, type AgentOptions } from "../fleet/agent/agent.ts";
import type { Machine, UnitState } from "../fleet/model.ts";
import type { Hold, Mirror, Registry, Session } from "../fleet/registry/registry.ts";
import type { Systemd } from "../fleet/systemd/systemd.ts";

export interface LifeOptions extends Pick<AgentOptions, "origin" | "keepOrigin"> {
  readonly machine: Machine;
  readonly registry: Registry;
  readonly systemd: Systemd;
  /** Takes part in the election under this session, and decides while it leads; until the signal aborts. */
  readonly runEngine: ((session: Session, mirror: Mirror, signal: AbortSignal) => Promise<void>) | undefined;
  /** The machine's lease time, ms. */
  readonly ttl: number;
  /** The lease of an earlier fleetd of this boot. */
  readonly leaseId: string | undefined;
  /** Keeps the lease for the next fleetd of this boot; undefined: it is given back. */
  readonly keepLease: (leaseId: string | undefined) => Promise<void>;
  /** This machine is registered, for the first time. */
  readonly onReady: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** fleetd from its start to its end. */
export interface Life {
  /** What the API answers from: there while this machine is registered. */
  readonly mirror: Mirror | undefined;
  /** Why this machine is not registered; undefined while it is, or nobody knows yet. */
  readonly absence: Absence | undefined;
  /** Sessions so far, and the one that there is. */
  readonly sessions: Sessions;
  /** Joins, works, joins again when the session is lost; ends after `leave`. */
  run(): Promise<void>;
  /**
   * Gives all units up and goes: each stops, then its state is taken back, then the machine's record. When etcd does not
   * answer it is over 5 s after `asked`, the monotonic time (ms) at which somebody wanted it; now unless told.
   */
  leave(asked?: number): Promise<void>;
  /** Ends and gives nothing up: units run on, and the session waits for the next fleetd until its lease runs out. */
  suspend(): Promise<void>;
}

export interface Sessions {
  readonly begun: number;
  readonly resumed: number;
  readonly lost: number;
  /** Monotonic time (ms) since when the lease has been kept without a gap; undefined without one. */
  readonly unbrokenSince: number | undefined;
}

const retryAfter = 1_000;
/** A second machine with our id is a mistake that a person must mend. */
const duplicateRetry = 10_000;
/** Until somebody upgrades this fleetd. */
const outgrownRetry = 30_000;
/** systemd's own limit for fleet.service is longer than these together. */
const leaving = { stopWithin: 22_000, stopAloneWithin: 2_000, tellWithin: 1_500 };
/** All of it when etcd does not answer, ms; what is missing to 5 s is for a machine that is busy. */
const aloneWithin = 4_500;

export function createLife(options: LifeOptions): Life {
  return new FleetdLife(options);
}

class FleetdLife implements Life {
  readonly #options: LifeOptions;
  readonly #agent: Agent;
  /** Aborts when fleetd shall take up nothing new. */
  readonly #ending = new AbortController();
  /** Aborts at the very end: the agent still follows systemd while it leaves. */
  readonly #end = new AbortController();
  #session: Session | undefined;
  #mirror: Mirror | undefined;
  #absence: Absence | undefined;
  /** What keeps the lease while the registry is none that we understand. */
  #hold: Hold | undefined;
  #begun = false;
  #leaseId: string | undefined;
  #ready = false;
  readonly #sessions = { begun: 0, resumed: 0, lost: 0 };

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#leaseId = options.leaseId;
    this.#agent = createAgent({ ...options, signal: this.#end.signal });
  }

  get mirror(): Mirror | undefined {
    return this.#session === undefined ? undefined : this.#mirror;
  }

  get absence(): Absence | undefined {
    return this.#session === undefined ? this.#absence : undefined;
  }

  get sessions(): Sessions {
    return { ...this.#sessions, unbrokenSince: this.#session?.unbrokenSince };
  }

  async run(): Promise<void> {
    const { signal } = this.#ending;
    try {
      while (!signal.aborted) {
        this.#mirror = await this.#follow(signal);
        await this.#begin(publishedBy(this.#options.machine.id, this.#mirror.snapshot));
        await this.#belong(this.#mirror, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async leave(asked = this.#options.clock.monotonic()): Promise<void> {
    const { clock, log, keepLease } = this.#options;
    const session = this.#session ?? this.#hold;
    const left = this.#agent.leave(this.#session, this.#limits(asked));
    this.#ending.abort(new AppError("E_INTERRUPTED", "fleetd leaves"));
    const heard = (await left) === "heard" || this.#hold !== undefined;
    if (heard && session?.lost.aborted === false) {
      const late = new AbortController();
      const over = new AbortController();
      const timer = clock.sleep(leaving.tellWithin, over.signal).then(
        () => late.abort(new AppError("E_TIMEOUT", "etcd did not hear of it in time")),
        () => undefined,
      );
      await Promise.race([session.end(late.signal).then(() => keepLease(undefined)), timer]).catch(
        (error: unknown) =>
          log.warn("could not give the lease back; it runs out by itself", { why: messageOf(error) }),
      );
      over.abort(new Error("done"));
    }
    this.#end.abort(new AppError("E_INTERRUPTED", "fleetd ends"));
    await this.#mirror?.close();
  }

  async suspend(): Promise<void> {
    const why = new AppError("E_INTERRUPTED", "fleetd is restarted");
    this.#ending.abort(why);
    this.#end.abort(why);
    await this.#mirror?.close();
  }

  /** @param asked when, monotonic (ms): systemd may be slow to say whether it is a stop or a restart */
  #limits(asked: number): typeof leaving {
    const now = this.#options.clock.monotonic();
    // Nothing is written to a registry of a newer fleet. But while the lease is kept nobody else starts the units.
    const held = this.#hold !== undefined && !this.#hold.lost.aborted && this.#hold.unbrokenSince < now;
    if (held) return { ...leaving, stopAloneWithin: leaving.stopWithin };
    const left = Math.max(0, aloneWithin - leaving.tellWithin - (now - asked));
    return { ...leaving, stopAloneWithin: Math.min(leaving.stopAloneWithin, left) };
  }

  async #begin(published: ReadonlyMap<string, UnitState>): Promise<void> {
    if (!this.#begun) await this.#agent.begin(published);
    this.#begun = true;
  }

  /** In the cluster, session after session; until a newer fleet takes the registry over. */
  async #belong(mirror: Mirror, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.#serve(await this.#join(signal), mirror);
    } catch (error) {
      if (!isAppError(error, "E_NOT_SUPPORTED")) throw error;
      this.#hold = this.#session;
      this.#session = undefined;
    }
  }

  /**
   * A newer fleet has taken the registry over. Nothing is read or written any more, and no unit touched; but the lease is
   * kept, so that this machine does not count as gone and its units are not started elsewhere while they run on here.
   */
  async #standBy({ message, hint = "" }: AppError, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    this.#absence = { kind: "refused", why: `${message}: ${hint}` };
    // For the case that they shall be stopped.
    await this.#begin(new Map());
    const leaseId = this.#hold === undefined ? this.#leaseId : undefined;
    if (leaseId !== undefined) this.#hold = await this.#holdOn(leaseId, signal);
    const held = this.#hold?.lost.aborted === false;
    log.error(`${message}; units run on as they are`, {
      hint,
      lease: held ? "kept: nobody else starts them" : "not kept: others may start them too",
    });
    await clock.sleep(outgrownRetry, signal);
  }

  /** Goes on while etcd does not answer; undefined when the lease has ended. */
  async #holdOn(leaseId: string, signal: AbortSignal): Promise<Hold | undefined> {
    const { registry, ttl, clock, log } = this.#options;
    for (;;) {
      try {
        return await registry.hold({ leaseId, ttl }, signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("cannot keep the lease yet", { why: messageOf(error) });
        await clock.sleep(retryAfter, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<Mirror> {
    const { registry, clock, log } = this.#options;
    for (;;) {
      try {
        return await registry.follow(this.#end.signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isAppError(error, "E_NOT_SUPPORTED")) {
          await this.#standBy(error, signal);
          continue;
        }
        this.#absence = { kind: "etcd", why: messageOf(error) };
        log.warn("cannot read the registry yet", { why: messageOf(error) });
        await clock.sleep(retryAfter, signal);
      }
    }
  }

  async #join(signal: AbortSignal): Promise<{ session: Session; resumed: boolean }> {
    const { registry, machine, ttl, clock, log, keepLease } = this.#options;
    for (;;) {
      try {
        const resume = this.#leaseId === undefined ? {} : { resume: { leaseId: this.#leaseId } };
        const result = await registry.join({ machine, ttl, ...resume }, signal);
        if (result.kind === "joined") {
          this.#leaseId = result.session.leaseId;
          await keepLease(this.#leaseId);
          log.info(result.resumed ? "took up the earlier session" : "joined the cluster", {
            lease: this.#leaseId,
          });
          return result;
        }
        const { publicIP } = result.machine;
        const why = `the machine at ${publicIP} has the same id, ${machine.id}; each needs an /etc/machine-id of its own`;
        this.#absence = { kind: "refused", why };
        log.error("another machine with this id is in the cluster", { id: machine.id, other: publicIP, why });
        await clock.sleep(duplicateRetry, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isAppError(error, "E_NOT_SUPPORTED")) throw error;
        this.#absence = { kind: "etcd", why: messageOf(error) };
        log.warn("cannot join the cluster yet", { why: messageOf(error) });
        await clock.sleep(retryAfter, signal);
      }
    }
  }

  async #serve({ session, resumed }: { session: Session; resumed: boolean }, mirror: Mirror): Promise<void> {
    const { runEngine, log, onReady } = this.#options;
    const { signal } = this.#ending;
    this.#session = session;
    this.#hold = undefined;
    this.#absence = undefined;
    this.#sessions[resumed ? "resumed" : "begun"] += 1;
    if (!this.#ready) onReady();
    this.#ready = true;
    const over = new AbortController();
    const serving = AbortSignal.any([signal, over.signal]);
    const until = AbortSignal.any([session.lost, serving]);
    const deciding = async (): Promise<void> => {
      await runEngine?.(session, mirror, until).catch((error: unknown) => {
        if (!until.aborted) throw error;
      });
    };
    const all = [
      this.#agent.serve(session, mirror, { resumed, signal: serving }),
      deciding(),
      this.#minding(session, mirror, until),
    ];
    try {
      await Promise.all(all);
    } finally {
      over.abort(new AppError("E_INTERRUPTED", "the registry is no longer followed"));
      await Promise.allSettled(all);
    }
    if (!session.lost.aborted) return;
    this.#session = undefined;
    this.#sessions.lost += 1;
    log.warn("the session was lost: units keep running, joining again");
  }

  /** Who is told that this machine's record is gone asks at once, to be back before its units are moved. */
  async #minding(session: Session, mirror: Mirror, until: AbortSignal): Promise<void> {
    let wasThere = false;
    while (!until.aborted) {
      const isThere = mirror.snapshot.machines.has(session.machineID);
      if (wasThere && !isThere) session.doubt();
      wasThere = isThere;
      await mirror.changed(until).catch((error: unknown) => {
        if (!until.aborted) throw error;
      });
    }
  }
}
