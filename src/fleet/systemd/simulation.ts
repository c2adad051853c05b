import type { Clock } from "../../foundation/clock.ts";
import type { SystemdStatus } from "./systemd.ts";
import { behaviourOf, type Behaviour } from "./behaviour.ts";

/** What the simulated service manager tells its listener, in the order in which systemd's signals come. */
export type SimulatedEvent =
  | { readonly kind: "unit"; readonly name: string; readonly status: SystemdStatus }
  | { readonly kind: "unloaded"; readonly name: string }
  | { readonly kind: "job"; readonly id: number; readonly name: string; readonly result: string };

/** Why the manager would not even queue a job; `code` is the last part of systemd's D-Bus error name. */
export class SimulatedRefusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface SimulatedManager {
  /** Queues a job as `StartUnit(name, "replace")` does and gives its number. Throws SimulatedRefusal. */
  start(name: string): number;
  stop(name: string): number;
  /** What ListUnitsByNames tells: the unit is loaded for the moment if it was not. `job` is 0 when there is none. */
  status(name: string): SystemdStatus & { readonly job: number };
  /** Whether the unit is in memory, as ListUnitsByPatterns tells. */
  loaded(name: string): boolean;
  /** Reads the files of loaded units again, as daemon-reload does. */
  reload(): void;
  /** Throws SimulatedRefusal when the unit is not loaded, as systemd from 230 on does. */
  resetFailed(name: string): void;
  /** The unit's process dies by itself. */
  crash(name: string): void;
}

export interface SimulationOptions {
  readonly clock: Clock;
  /** The content of a linked unit file; undefined when systemd would not find it. */
  readonly read: (name: string) => string | undefined;
  readonly tell: (event: SimulatedEvent) => void;
}

interface Job {
  readonly id: number;
  readonly kind: "start" | "stop";
  readonly canceled: AbortController;
}

interface SimulatedUnit {
  readonly name: string;
  content: string;
  status: SystemdStatus;
  job: Job | undefined;
  /** Settles when the process-level work under way (a start or stop command) has ended. */
  busy: Promise<void>;
}

const dead: SystemdStatus = { load: "loaded", active: "inactive", sub: "dead" };

/**
 * A service manager without processes: loads unit files, runs jobs, lets units fail, stop slowly and be unloaded when
 * idle, with systemd's words. What a unit does is read from its commands (see behaviourOf).
 */
export function createSimulatedManager(options: SimulationOptions): SimulatedManager {
  const simulation = new Simulation(options);
  return {
    start: (name) => simulation.queue(name, "start"),
    stop: (name) => simulation.queue(name, "stop"),
    status: (name) => simulation.status(name),
    loaded: (name) => simulation.units.has(name),
    reload: () => simulation.reload(),
    resetFailed: (name) => simulation.resetFailed(name),
    crash: (name) => simulation.crash(name),
  };
}

class Simulation {
  readonly units = new Map<string, SimulatedUnit>();
  readonly #options: SimulationOptions;
  #jobs = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  status(name: string): SystemdStatus & { readonly job: number } {
    const unit = this.units.get(name);
    if (unit !== undefined) return { ...unit.status, job: unit.job?.id ?? 0 };
    const content = this.#options.read(name);
    const load = content === undefined ? "not-found" : behaviourOf(name, content).load;
    return { ...dead, load, job: 0 };
  }

  queue(name: string, kind: Job["kind"]): number {
    const unit = this.units.get(name) ?? (kind === "start" ? this.#load(name) : undefined);
    if (unit === undefined) throw new SimulatedRefusal("NoSuchUnit", `Unit ${name} not loaded.`);
    if (unit.job?.kind === kind) return unit.job.id;
    const replaced = unit.job;
    const job: Job = { id: ++this.#jobs, kind, canceled: new AbortController() };
    unit.job = job;
    replaced?.canceled.abort(new Error("replaced by another job"));
    const before = unit.busy;
    unit.busy = (async () => {
      await before;
      if (replaced !== undefined) {
        this.#options.tell({ kind: "job", id: replaced.id, name, result: "canceled" });
      }
      if (job.canceled.signal.aborted) return;
      await (kind === "start" ? this.#start(unit, job) : this.#stop(unit, job));
    })();
    return job.id;
  }

  reload(): void {
    for (const unit of this.units.values()) unit.content = this.#options.read(unit.name) ?? unit.content;
  }

  resetFailed(name: string): void {
    const unit = this.units.get(name);
    if (unit === undefined) throw new SimulatedRefusal("NoSuchUnit", `Unit ${name} not loaded.`);
    if (unit.status.active !== "failed") return;
    this.#set(unit, dead);
    this.#unloadIfIdle(unit);
  }

  crash(name: string): void {
    const unit = this.units.get(name);
    if (unit?.status.active === "active") this.#set(unit, { ...dead, active: "failed", sub: "failed" });
  }

  #load(name: string): SimulatedUnit {
    const content = this.#options.read(name);
    if (content === undefined) throw new SimulatedRefusal("NoSuchUnit", `Unit ${name} not found.`);
    if (behaviourOf(name, content).load === "bad-setting") {
      throw new SimulatedRefusal("BadUnitSetting", `Unit ${name} has a bad unit file setting.`);
    }
    const unit: SimulatedUnit = { name, content, status: dead, job: undefined, busy: Promise.resolve() };
    this.units.set(name, unit);
    return unit;
  }

  async #start(unit: SimulatedUnit, job: Job): Promise<void> {
    if (unit.status.active === "active") return this.#end(unit, job, "done");
    const behaviour = behaviourOf(unit.name, unit.content);
    const { signal } = job.canceled;
    const others = behaviour.after.filter((name) => this.units.get(name)?.job?.kind === "start");
    if (others.length > 0) {
      const started = Promise.all(others.map(async (name) => await this.units.get(name)?.busy));
      await Promise.race([started, aborted(signal)]);
      if (signal.aborted) return;
    }
    if (behaviour.startTakes > 0) {
      this.#set(unit, { load: "loaded", active: "activating", sub: "start-pre" });
      await this.#options.clock.sleep(behaviour.startTakes, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
    this.#settleStart(unit, job, behaviour);
  }

  #settleStart(unit: SimulatedUnit, job: Job, behaviour: Behaviour): void {
    const failed: SystemdStatus = { load: "loaded", active: "failed", sub: "failed" };
    if (behaviour.run === "fails") this.#set(unit, failed);
    else if (behaviour.run === "ends") this.#set(unit, dead);
    else
      this.#set(unit, {
        load: "loaded",
        active: "active",
        sub: behaviour.run === "stays" ? "exited" : "running",
      });
    this.#end(unit, job, behaviour.run === "fails" ? "failed" : "done");
    if (behaviour.run === "fails-later") this.#set(unit, failed);
  }

  async #stop(unit: SimulatedUnit, job: Job): Promise<void> {
    const { active } = unit.status;
    if (active !== "inactive" && active !== "failed") {
      const { stopTakes } = behaviourOf(unit.name, unit.content);
      this.#set(unit, { load: "loaded", active: "deactivating", sub: "stop" });
      if (stopTakes > 0) await this.#options.clock.sleep(stopTakes);
      this.#set(unit, dead);
    }
    this.#end(unit, job, "done");
  }

  #end(unit: SimulatedUnit, job: Job, result: string): void {
    if (unit.job !== job) return;
    unit.job = undefined;
    this.#options.tell({ kind: "job", id: job.id, name: unit.name, result });
    this.#unloadIfIdle(unit);
  }

  #set(unit: SimulatedUnit, status: SystemdStatus): void {
    const { active, sub } = unit.status;
    unit.status = status;
    if (active !== status.active || sub !== status.sub)
      this.#options.tell({ kind: "unit", name: unit.name, status });
  }

  /** systemd forgets what neither runs nor failed, and reads it again when it is next started. */
  #unloadIfIdle(unit: SimulatedUnit): void {
    if (unit.job !== undefined || unit.status.active !== "inactive") return;
    this.units.delete(unit.name);
    this.#options.tell({ kind: "unloaded", name: unit.name });
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
