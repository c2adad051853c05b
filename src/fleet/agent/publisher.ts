import type { Clock } from "../../foundation/clock.ts";
import { messageOf } from "../../foundation/errors.ts";
import { type Gathering, letGather } from "../../foundation/gather.ts";
import type { Log } from "../../foundation/log.ts";
import type { UnitState } from "../model.ts";
import type { Session } from "../registry/registry.ts";

/** Keeps in the registry what this machine says of its units: the newest of each, written when it changes. */
export interface Publisher {
  /** Undefined: nothing is to be said of the unit any more. */
  set(unit: string, state: UnitState | undefined): void;
  /** Writes under this session from now on. `published` is what is there under it already. */
  attach(session: Session, published: ReadonlyMap<string, UnitState>): void;
  /** Writes nothing until the next session. */
  detach(): void;
  /** Resolves when the registry holds all that was set. */
  flushed(signal: AbortSignal): Promise<void>;
}

/** All machines read what one of them writes, so in a burst the next writes wait for more. */
const gathering: Gathering = { times: 4, atMost: 50 };
/** Between two tries of a write, ms: etcd trouble passes quickly or takes long. */
const retryAfter = 200;

export function createPublisher(options: { readonly clock: Clock; readonly log: Log }): Publisher {
  return new StatePublisher(options);
}

class StatePublisher implements Publisher {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wanted = new Map<string, UnitState>();
  /** Units of which something else is wanted than was published. */
  readonly #stale = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #published = new Map<string, UnitState>();
  #session: Session | undefined;
  #writing = false;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  set(unit: string, state: UnitState | undefined): void {
    if (state === undefined) this.#wanted.delete(unit);
    else this.#wanted.set(unit, state);
    this.#look(unit);
    void this.#work();
  }

  attach(session: Session, published: ReadonlyMap<string, UnitState>): void {
    this.#session = session;
    this.#published = new Map(published);
    for (const unit of new Set([...this.#wanted.keys(), ...published.keys()])) this.#look(unit);
    void this.#work();
  }

  detach(): void {
    this.#session = undefined;
    this.#published = new Map();
  }

  async flushed(signal: AbortSignal): Promise<void> {
    while (this.#stale.size > 0) {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
        this.#waiting.add(() => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        });
      });
    }
  }

  #look(unit: string): void {
    if (isSame(this.#wanted.get(unit), this.#published.get(unit))) this.#stale.delete(unit);
    else this.#stale.add(unit);
  }

  /** Only one at a time, so that an older state never overtakes a newer one. */
  async #work(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    // What is set in the same breath goes along.
    await Promise.resolve();
    while (this.#stale.size > 0 && this.#session?.lost.aborted === false) {
      const session = this.#session;
      const since = this.#clock.monotonic();
      await Promise.all([...this.#stale].map((unit) => this.#write(session, unit)));
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
      await letGather(gathering, { clock: this.#clock, since });
    }
    this.#writing = false;
  }

  async #write(session: Session, unit: string): Promise<void> {
    const state = this.#wanted.get(unit);
    try {
      await (state === undefined
        ? session.deleteState(unit, session.lost)
        : session.putState(state, session.lost));
      if (session !== this.#session) return;
      if (state === undefined) this.#published.delete(unit);
      else this.#published.set(unit, state);
      this.#look(unit);
    } catch (error) {
      if (session.lost.aborted) return;
      this.#log.debug(`could not publish the state of ${unit}`, { why: messageOf(error) });
      await this.#clock.sleep(retryAfter, session.lost).catch(() => undefined);
    }
  }
}

function isSame(one: UnitState | undefined, other: UnitState | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.hash === other.hash &&
    one.load === other.load &&
    one.active === other.active &&
    one.sub === other.sub &&
    one.reached === other.reached
  );
}
