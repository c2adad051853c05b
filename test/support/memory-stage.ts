import type { Clock } from "../../src/foundation/clock.ts";
import type { RegistryRecord } from "../../src/failover/history/history.ts";
import type { Ran, Sample, Stage } from "../../src/failover/stage/stage.ts";

const command = "Service/ExecStart=/usr/bin/docker run --name hello busybox";

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

/**
 * A cluster in memory with one unit that fails over. It follows the same rules as a real one as far as scenarios can see:
 * a machine without power says nothing, and a unit is active only on machines that run.
 */
export function memoryStage(clock: Clock, behaviour: Behaviour = {}): Stage {
  const { failoverAfter = 3_000, bootsIn = 1_000, runsAtFirst = true } = behaviour;
  const nodes = ["core-01", "core-02", "core-03"];
  const unit = "hello.service";
  const running = new Set(behaviour.isDown === true ? [] : nodes);
  const activeOn = new Set<string>(runsAtFirst ? ["core-02"] : []);
  let invocation = 1;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const machines = new Set(nodes);
  const orphans = new Set<string>();
  let placedOn: string | undefined = runsAtFirst ? "core-02" : undefined;
  let submitted = true;
  let revision = 1;
  const failOver = async (): Promise<void> => {
    if (behaviour.failoverAfter === undefined && "failoverAfter" in behaviour) return;
    await clock.sleep(failoverAfter);
    const target = nodes.find((node) => running.has(node));
    if (target === undefined || activeOn.size > 0) return;
    placedOn = target;
    activeOn.add(target);
    invocation += 1;
    tell();
    if (behaviour.restartsAfter === undefined) return;
    await clock.sleep(behaviour.restartsAfter);
    invocation += 1;
    tell();
  };
  const forget = async (node: string): Promise<void> => {
    await clock.sleep(failoverAfter / 2);
    if (!running.has(node)) machines.delete(node);
    tell();
  };
  const records = (): RegistryRecord[] => {
    const told = behaviour.liesAboutStatus === true ? new Set(["core-02"]) : activeOn;
    return [
      ...[...machines].map((machine) => ({ type: "machine" as const, machine, present: true })),
      ...(placedOn === undefined ? [] : [{ type: "placement" as const, unit, machine: placedOn }]),
      ...[...told].map((machine) => ({ type: "state" as const, unit, machine, active: "active" })),
      ...(submitted ? [{ type: "unit" as const, unit, desired: "launched", options: [command] }] : []),
    ];
  };
  const sampleOf = (node: string): Sample => ({
    unit,
    active: activeOn.has(node) ? "active" : "inactive",
    sub: activeOn.has(node) ? "running" : "dead",
    invocation: activeOn.has(node) ? String(invocation) : "",
  });
  const takeDown = async (node: string): Promise<void> => {
    if (behaviour.toothless === true) return;
    running.delete(node);
    if (behaviour.secondCopy === true) activeOn.add("core-01").add("core-03");
    const had = activeOn.delete(node);
    if (had && behaviour.leavesOrphan === true) orphans.add(node);
    tell();
    void forget(node);
    if (had || activeOn.size === 0) void failOver();
    await Promise.resolve();
  };
  return {
    cluster: "imagined",
    provider: "memory",
    nodes,
    patience: 1,
    capabilities: {
      powerCut: "process",
      pause: false,
      partition: false,
      oneWayPartition: false,
      clockStep: false,
      diskFull: false,
      memoryLimit: false,
      cpuLimit: false,
    },
    address: (node) => node,
    startServices: async () => undefined,
    stopServices: async () => undefined,
    run: async (node, script, { signal }) => {
      signal.throwIfAborted();
      return running.has(node)
        ? (behaviour.answer?.(node, script) ?? { code: 0, stdout: "", stderr: "" })
        : undefined;
    },
    prepare: async () => undefined,
    outages: undefined,
    cut: takeDown,
    halt: takeDown,
    powerOn: async (node) => {
      await clock.sleep(bootsIn);
      running.add(node);
      if (behaviour.forgetsMachines !== true) machines.add(node);
      if (behaviour.losesUnits === true) submitted = false;
      tell();
      if (activeOn.size === 0) void failOver();
    },
    vital: async (node) => ({ running: running.has(node), answers: running.has(node) }),
    machinesSeenBy: async (node) => (running.has(node) ? [...running] : undefined),
    leaders: async () => ({ etcd: "core-03", engine: "core-01" }),
    watch: async function* (node, units, signal) {
      let last = "";
      for (const other of units.filter((name) => name !== unit)) {
        yield { unit: other, active: "active", sub: "active", invocation: "" };
      }
      while (running.has(node) && !signal.aborted) {
        const sample = sampleOf(node);
        if (JSON.stringify(sample) !== last) yield sample;
        last = JSON.stringify(sample);
        await Promise.race([changed.promise, aborted(signal)]);
      }
    },
    registry: async function* (node, signal) {
      while (running.has(node) && !signal.aborted) {
        yield { revision: revision++, whole: true, changes: records() };
        await Promise.race([changed.promise, aborted(signal)]);
      }
    },
    audit: async (node) =>
      running.has(node)
        ? {
            node,
            containers: activeOn.has(node) || orphans.has(node) ? ["hello"] : [],
            units: submitted ? [{ unit, desired: "launched" }] : [],
            states: [...activeOn].map((machine) => ({ unit, machine, active: "active" })),
          }
        : undefined,
    close: async () => undefined,
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
