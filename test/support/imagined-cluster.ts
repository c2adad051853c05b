import type { Clock } from "../../src/foundation/clock.ts";
import type { NodeAudit, RegistryRecord } from "../../src/failover/history/history.ts";
import type { Ran, RegistryReading, Sample } from "../../src/failover/stage/stage.ts";

/** How the imagined cluster behaves; each wrong way must turn a scenario red. */
export interface Behaviour {
  /** ms from a power cut until the unit is active elsewhere; undefined: it never is. */
  readonly failoverAfter?: number | undefined;
  /** ms from power on until a machine answers. */
  readonly bootsIn?: number;
  /** All machines are without power from the beginning. */
  readonly isDown?: boolean;
  /** A cut that does nothing. */
  readonly toothless?: boolean;
  /** A second copy is started at once although the first still runs, on an unrelated machine. */
  readonly secondCopy?: boolean;
  /** The unit runs from the beginning. */
  readonly runsAtFirst?: boolean;
  /** Fleet goes on saying that the unit runs where it ran first. */
  readonly liesAboutStatus?: boolean;
  /** The unit is started anew, without need, on a machine that nobody touched, so long (ms) after it came back. */
  readonly restartsAfter?: number;
  /** The old container is there again when its machine is. */
  readonly leavesOrphan?: boolean;
  /** Machines that come back have lost what was in etcd. */
  readonly losesUnits?: boolean;
  /** A machine that gets its power back is not taken among fleet's machines again. */
  readonly forgetsMachines?: boolean;
  /** What sh on a machine answers; success by default. */
  readonly answer?: (node: string, script: string) => Ran;
}

/** The only unit that an imagined cluster knows. */
export const unit = "hello.service";
const command = "Service/ExecStart=/usr/bin/docker run --name hello busybox";
const home = "core-02";

/**
 * Three machines in memory with one unit that fails over. They follow the same rules as real ones as far as scenarios can
 * see: a machine without power says nothing, and a unit is active only on machines that run.
 */
export class ImaginedCluster {
  readonly nodes: readonly string[] = ["core-01", "core-02", "core-03"];
  readonly #clock: Clock;
  readonly #behaviour: Behaviour;
  /** ms; also where the unit never comes back, fleet sees that a machine is gone. */
  readonly #failoverAfter: number;
  readonly #running: Set<string>;
  /** Those that fleet lists. */
  readonly #machines: Set<string>;
  readonly #activeOn: Set<string>;
  readonly #orphans = new Set<string>();
  #placedOn: string | undefined;
  #submitted = true;
  #invocation = 1;
  #revision = 1;
  #change = Promise.withResolvers<void>();

  constructor(clock: Clock, behaviour: Behaviour) {
    const { runsAtFirst = true, failoverAfter = 3_000 } = behaviour;
    this.#clock = clock;
    this.#behaviour = behaviour;
    this.#failoverAfter = failoverAfter;
    this.#running = new Set(behaviour.isDown === true ? [] : this.nodes);
    this.#machines = new Set(this.nodes);
    this.#placedOn = runsAtFirst ? home : undefined;
    this.#activeOn = new Set(runsAtFirst ? [home] : []);
  }

  get running(): readonly string[] {
    return [...this.#running];
  }

  runs(node: string): boolean {
    return this.#running.has(node);
  }

  async takeDown(node: string): Promise<void> {
    if (this.#behaviour.toothless === true) return;
    this.#running.delete(node);
    if (this.#behaviour.secondCopy === true) this.#activeOn.add("core-01").add("core-03");
    const had = this.#activeOn.delete(node);
    if (had && this.#behaviour.leavesOrphan === true) this.#orphans.add(node);
    this.#tell();
    void this.#forget(node);
    if (had || this.#activeOn.size === 0) void this.#failOver();
    await Promise.resolve();
  }

  async powerOn(node: string): Promise<void> {
    await this.#clock.sleep(this.#behaviour.bootsIn ?? 1_000);
    this.#running.add(node);
    if (this.#behaviour.forgetsMachines !== true) this.#machines.add(node);
    if (this.#behaviour.losesUnits === true) this.#submitted = false;
    this.#tell();
    if (this.#activeOn.size === 0) void this.#failOver();
  }

  async #failOver(): Promise<void> {
    const { restartsAfter } = this.#behaviour;
    if (this.#behaviour.failoverAfter === undefined && "failoverAfter" in this.#behaviour) return;
    await this.#clock.sleep(this.#failoverAfter);
    const target = this.nodes.find((node) => this.runs(node));
    if (target === undefined || this.#activeOn.size > 0) return;
    this.#placedOn = target;
    this.#activeOn.add(target);
    this.#invocation += 1;
    this.#tell();
    if (restartsAfter === undefined) return;
    await this.#clock.sleep(restartsAfter);
    this.#invocation += 1;
    this.#tell();
  }

  async #forget(node: string): Promise<void> {
    await this.#clock.sleep(this.#failoverAfter / 2);
    if (!this.runs(node)) this.#machines.delete(node);
    this.#tell();
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Until something changes. */
  async changed(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#change.promise, aborted(signal)]);
  }

  /** What a machine's systemd says of the unit. */
  sample(node: string): Sample {
    return this.#activeOn.has(node)
      ? { unit, active: "active", sub: "running", invocation: String(this.#invocation) }
      : { unit, active: "inactive", sub: "dead", invocation: "" };
  }

  /** All that fleet has written into etcd. */
  reading(): RegistryReading {
    const told = this.#behaviour.liesAboutStatus === true ? [home] : [...this.#activeOn];
    const changes: RegistryRecord[] = [
      ...[...this.#machines].map((machine) => ({ type: "machine" as const, machine, present: true })),
      ...(this.#placedOn === undefined
        ? []
        : [{ type: "placement" as const, unit, machine: this.#placedOn }]),
      ...told.map((machine) => ({ type: "state" as const, unit, machine, active: "active" })),
      ...(this.#submitted ? [{ type: "unit" as const, unit, desired: "launched", options: [command] }] : []),
    ];
    return { revision: this.#revision++, whole: true, changes };
  }

  /** What a machine, which runs, tells when it is asked. */
  audit(node: string): NodeAudit {
    return {
      node,
      containers: this.#activeOn.has(node) || this.#orphans.has(node) ? ["hello"] : [],
      units: this.#submitted ? [{ unit, desired: "launched" }] : [],
      states: [...this.#activeOn].map((machine) => ({ unit, machine, active: "active" })),
    };
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
