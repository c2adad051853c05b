import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { createBroadcast } from "./broadcast.ts";
import { jobResult } from "./job-result.ts";
import { createSimulatedManager, SimulatedRefusal, type SimulatedEvent } from "./simulation.ts";
import type { JobResult, LocalUnit, Systemd, SystemdStatus } from "./systemd.ts";

/** The in-memory twin, and what a test may do to it from outside. */
export interface MemorySystemd extends Systemd {
  /** `install a.service`, `start a.service`, `stop …`, `remove …`, in the order of the calls. */
  readonly calls: readonly string[];
  /** The unit's process dies by itself. */
  crash(name: string): void;
  /** Lets each call reject with this message, until it is given undefined: D-Bus trouble. */
  breakDown(message: string | undefined): void;
}

export interface MemorySystemdOptions {
  readonly clock: Clock;
  /** Unit files that lie there already, as after a restart of fleetd; `running` ones are started. */
  readonly units?: readonly { readonly name: string; readonly content: string; readonly running: boolean }[];
}

/** systemd without processes: the same answers, results and changes as over D-Bus. */
export function createMemorySystemd(options: MemorySystemdOptions): MemorySystemd {
  return new Twin(options);
}

class Twin implements MemorySystemd {
  readonly calls: string[] = [];
  readonly #files = new Map<string, string>();
  readonly #changes = createBroadcast<{ name: string; status: SystemdStatus }>();
  readonly #waiting = new Map<number, (result: string) => void>();
  readonly #manager;
  #trouble: string | undefined;

  constructor(options: MemorySystemdOptions) {
    this.#manager = createSimulatedManager({
      clock: options.clock,
      read: (name) => this.#files.get(name),
      tell: (event) => this.#hear(event),
    });
    for (const { name, content, running } of options.units ?? []) {
      this.#files.set(name, content);
      if (running) this.#manager.start(name);
    }
  }

  async list(signal?: AbortSignal): Promise<readonly LocalUnit[]> {
    await this.#enter(signal);
    return [...this.#files].map(([name, content]) => ({ name, content, status: this.#look(name) }));
  }

  async install(name: string, content: string, signal?: AbortSignal): Promise<void> {
    this.calls.push(`install ${name}`);
    await this.#enter(signal);
    const changed = this.#files.get(name) !== content;
    this.#files.set(name, content);
    if (changed && this.#manager.loaded(name)) this.#manager.reload();
  }

  start(name: string, signal?: AbortSignal): Promise<JobResult> {
    this.calls.push(`start ${name}`);
    return this.#run(name, () => this.#manager.start(name), signal);
  }

  stop(name: string, signal?: AbortSignal): Promise<JobResult> {
    this.calls.push(`stop ${name}`);
    if (this.#trouble === undefined && !this.#manager.loaded(name))
      return Promise.resolve({ result: "done" });
    return this.#run(name, () => this.#manager.stop(name), signal);
  }

  async remove(name: string, signal?: AbortSignal): Promise<void> {
    this.calls.push(`remove ${name}`);
    await this.#enter(signal);
    this.#files.delete(name);
    if (this.#manager.loaded(name)) this.#manager.resetFailed(name);
  }

  async status(name: string, signal?: AbortSignal): Promise<SystemdStatus> {
    await this.#enter(signal);
    return this.#look(name);
  }

  changes(signal: AbortSignal): AsyncIterable<{ readonly name: string; readonly status: SystemdStatus }> {
    return this.#changes.listen(signal);
  }

  close(): Promise<void> {
    this.#changes.close();
    return Promise.resolve();
  }

  crash(name: string): void {
    this.#manager.crash(name);
  }

  breakDown(message: string | undefined): void {
    this.#trouble = message;
  }

  #look(name: string): SystemdStatus {
    const { load, active, sub } = this.#manager.status(name);
    return { load, active, sub };
  }

  /** Every call takes a turn of the event loop and may fail, as over the bus. */
  async #enter(signal: AbortSignal | undefined): Promise<void> {
    await Promise.resolve();
    signal?.throwIfAborted();
    if (this.#trouble !== undefined) throw new AppError("E_SYSTEMD", this.#trouble);
  }

  async #run(name: string, queue: () => number, signal: AbortSignal | undefined): Promise<JobResult> {
    await this.#enter(signal);
    try {
      const id = queue();
      const result = await new Promise<string>((resolve, reject) => {
        this.#waiting.set(id, chain(this.#waiting.get(id), resolve));
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
      return jobResult(name, result);
    } catch (error) {
      if (error instanceof SimulatedRefusal) return { result: "refused", why: error.message };
      throw error;
    }
  }

  #hear(event: SimulatedEvent): void {
    if (event.kind === "job") {
      this.#waiting.get(event.id)?.(event.result);
      this.#waiting.delete(event.id);
    } else if (event.kind === "unit") this.#changes.send({ name: event.name, status: event.status });
  }
}

/** Two callers may wait for the same job. */
function chain(
  first: ((result: string) => void) | undefined,
  second: (result: string) => void,
): (result: string) => void {
  return (result) => {
    first?.(result);
    second(result);
  };
}
