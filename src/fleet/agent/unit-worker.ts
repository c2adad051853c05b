import type { Clock } from "../../foundation/clock.ts";
import { AppError, messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { UnitState } from "../model.ts";
import type { JobResult, Systemd, SystemdStatus } from "../systemd/systemd.ts";
import { type Local, planUnit, type Step, type Want } from "./plan.ts";
import type { StartOrder } from "./start-order.ts";

export interface UnitWorkerOptions {
  readonly name: string;
  readonly machineID: string;
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
  /** Of this machine's units. */
  readonly order: StartOrder;
  /** What is in the directory when the worker begins. */
  readonly local: Local | undefined;
  readonly status: SystemdStatus | undefined;
  /** What is to be published of the unit from now on; undefined: nothing, it is given up. */
  readonly publish: (state: UnitState | undefined) => void;
  /** The unit is neither wanted nor here any more. */
  readonly onGone: () => void;
  /** Aborts when fleetd ends; the unit is then left as it is. */
  readonly signal: AbortSignal;
}

/** Brings one unit to what was wanted last, at its own pace, whatever happens to other units. */
export interface UnitWorker {
  /** Undefined: the unit shall not be here. Nothing is touched before the first call. */
  want(want: Want | undefined): void;
  /** systemd told of a change. */
  hear(status: SystemdStatus): void;
}

/** Between two tries of what failed, ms: doubling from the first to the last. */
const firstRetry = 500;
const lastRetry = 30_000;
/** How long nothing is said of a start that systemd has not begun, ms. */
const unsaid = 500;
const notInstalled: SystemdStatus = { load: "error", active: "failed", sub: "failed" };

export function createUnitWorker(options: UnitWorkerOptions): UnitWorker {
  return new Worker(options);
}

class Worker implements UnitWorker {
  readonly #options: UnitWorkerOptions;
  #want: Want | undefined;
  #local: Local | undefined;
  #status: SystemdStatus | undefined;
  /** A start that systemd has begun fleet calls launched, whatever comes of it. Before, it may wait for other units. */
  #start: "none" | "asked" | "begun" = "none";
  /** Stopped for good and published as given up, although its file may still be here. */
  #released = false;
  #working = false;
  #failures = 0;
  /** What is wanted could not be installed, twice in a row at least: that is published, so that nobody waits in silence. */
  #unloadable = false;
  /** Aborts when something else is wanted than what is being waited for. */
  #nudge = new AbortController();

  constructor(options: UnitWorkerOptions) {
    this.#options = options;
    this.#local = options.local;
    this.#status = options.status;
    this.#publish();
  }

  want(want: Want | undefined): void {
    const same = want?.hash === this.#want?.hash && want?.desired === this.#want?.desired;
    this.#want = want;
    if (!same) {
      this.#nudge.abort(new Error("something else is wanted now"));
      this.#expectStart();
    }
    void this.#converge();
  }

  #expectStart(): void {
    const { name, order } = this.#options;
    const steps = planUnit(name, this.#want, this.#local);
    if (steps.some(({ kind }) => kind === "start")) order.expect(name, this.#want?.content ?? "");
    else order.over(name);
  }

  hear(status: SystemdStatus): void {
    this.#status = status;
    if (this.#start === "asked" && isUp(status)) this.#start = "begun";
    this.#publish();
  }

  async #converge(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (;;) {
        if (this.#options.signal.aborted) return;
        const [step] = planUnit(this.#options.name, this.#want, this.#local);
        if (step === undefined) break;
        this.#nudge = new AbortController();
        await this.#try(step);
      }
      this.#failures = 0;
      this.#publish();
      if (this.#local === undefined) this.#options.onGone();
    } finally {
      this.#working = false;
    }
  }

  async #try(step: Step): Promise<void> {
    const { log, name, clock, signal } = this.#options;
    log.info(`${step.kind} ${name}`, { reason: step.reason });
    try {
      await this.#perform(step);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#options.order.over(name);
      const pause = Math.min(lastRetry, firstRetry * 2 ** this.#failures);
      this.#failures++;
      if (step.kind === "load" && this.#failures > 1) this.#unloadable = true;
      this.#publish();
      log.warn(`could not ${step.kind} ${name}`, { why: messageOf(error), retry: `${pause}ms` });
      await clock.sleep(pause, AbortSignal.any([signal, this.#nudge.signal])).catch(() => undefined);
    }
  }

  async #perform({ kind }: Step): Promise<void> {
    switch (kind) {
      case "load":
        return await this.#load();
      case "start":
        return await this.#run();
      case "stop":
        await this.#stop();
        this.#start = "none";
        this.#reach("loaded");
        return undefined;
      case "unload":
        return await this.#unload();
    }
  }

  async #load(): Promise<void> {
    const { systemd, name, signal } = this.#options;
    const want = this.#want;
    if (want === undefined) return;
    await systemd.install(name, want.content, signal);
    this.#status = await systemd.status(name, signal);
    this.#released = false;
    this.#unloadable = false;
    this.#start = "none";
    this.#local = { hash: want.hash, reached: "loaded" };
    // What is started next is published when systemd begins it, in a moment: one record instead of two.
    if (this.#want?.desired !== "launched" || this.#failures > 0) this.#publish();
  }

  async #run(): Promise<void> {
    const { name, log, order, signal } = this.#options;
    const nudge = this.#nudge.signal;
    const otherwise = AbortSignal.any([signal, nudge]);
    await order.turn(name, otherwise);
    if (otherwise.aborted) return;
    try {
      const result = await this.#askForStart(nudge);
      if (result.result === "refused") {
        await this.#refresh();
        throw new AppError("E_SYSTEMD", `systemd refused to start ${name}: ${result.why}`);
      }
      // A unit that failed is systemd's to restart, as its file says; the agent has done its part.
      if (result.result !== "done") log.warn(`start of ${name} ended`, result);
    } catch (error) {
      // The job goes on without us. What is wanted now is done on top of it: a stop replaces it.
      if (!nudge.aborted) throw error;
    }
    this.#reach("launched");
  }

  async #askForStart(nudge: AbortSignal): Promise<JobResult> {
    const { systemd, name, signal, clock, order } = this.#options;
    const over = new AbortController();
    this.#start = "asked";
    void clock.sleep(unsaid, over.signal).then(
      () => this.#publish(),
      () => undefined,
    );
    try {
      const job = systemd.start(name, AbortSignal.any([signal, nudge]));
      order.over(name);
      return await job;
    } finally {
      over.abort(new Error("the start is over"));
      this.#start = "begun";
    }
  }

  /** Resolves only when the unit has really ended. */
  async #stop(): Promise<void> {
    const { systemd, name, signal } = this.#options;
    const result = await systemd.stop(name, signal);
    await this.#refresh();
    const status = this.#status;
    if (status === undefined || isDown(status)) return;
    const why = result.result === "done" ? `it is ${status.active} again` : result.why;
    throw new AppError("E_SYSTEMD", `${name} did not stop: ${why}`);
  }

  async #unload(): Promise<void> {
    const { systemd, name, signal } = this.#options;
    await this.#stop();
    // Others wait for this to start the unit elsewhere, so tidying up comes after it.
    this.#released = true;
    this.#start = "none";
    this.#publish();
    await systemd.remove(name, signal);
    this.#local = undefined;
  }

  async #refresh(): Promise<void> {
    this.#status = await this.#options.systemd.status(this.#options.name, this.#options.signal);
    this.#publish();
  }

  #reach(reached: Local["reached"]): void {
    if (this.#local !== undefined) this.#local = { hash: this.#local.hash, reached };
    this.#publish();
  }

  #publish(): void {
    const { name, machineID, publish } = this.#options;
    const [local, status, want] = [this.#local, this.#status, this.#want];
    if (this.#unloadable && want !== undefined) {
      return publish({ unit: name, machineID, hash: want.hash, ...notInstalled, reached: want.desired });
    }
    if (this.#released || local === undefined || status === undefined) return publish(undefined);
    const launched = this.#start === "begun" || local.reached === "launched";
    return publish({
      unit: name,
      machineID,
      hash: local.hash,
      ...status,
      reached: launched ? "launched" : "loaded",
    });
  }
}

function isUp({ active }: SystemdStatus): boolean {
  return active === "activating" || active === "active";
}

function isDown({ active }: SystemdStatus): boolean {
  return active === "inactive" || active === "failed";
}
