import type { Clock } from "../../src/foundation/clock.ts";
import type { Sample, Stage } from "../../src/failover/stage.ts";

/** How the imagined cluster behaves; each wrong way must turn a scenario red. */
export interface Behaviour {
  /** ms from a power cut until the unit is active elsewhere; undefined: it never is. */
  readonly failoverAfter?: number | undefined;
  /** ms from power on until a machine answers. */
  readonly bootsIn?: number;
  /** A cut that does nothing. */
  readonly toothless?: boolean;
  /** A second copy is started at once although the first still runs, on an unrelated machine. */
  readonly secondCopy?: boolean;
  /** The unit runs from the beginning. */
  readonly runsAtFirst?: boolean;
}

/**
 * A cluster in memory with one unit that fails over. It follows the same rules as a real one as far as scenarios can see:
 * a machine without power says nothing, and a unit is active only on machines that run.
 */
export function memoryStage(clock: Clock, behaviour: Behaviour = {}): Stage {
  const { failoverAfter = 3_000, bootsIn = 1_000, runsAtFirst = true } = behaviour;
  const nodes = ["core-01", "core-02", "core-03"];
  const unit = "hello.service";
  const running = new Set(nodes);
  const activeOn = new Set<string>(runsAtFirst ? ["core-02"] : []);
  let invocation = 1;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const failOver = async (): Promise<void> => {
    if (behaviour.failoverAfter === undefined && "failoverAfter" in behaviour) return;
    await clock.sleep(failoverAfter);
    const target = nodes.find((node) => running.has(node));
    if (target === undefined || activeOn.size > 0) return;
    activeOn.add(target);
    invocation += 1;
    tell();
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
    tell();
    if (had || activeOn.size === 0) void failOver();
    await Promise.resolve();
  };
  return {
    cluster: "imagined",
    provider: "memory",
    nodes,
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
    startServices: async () => undefined,
    cut: takeDown,
    halt: takeDown,
    powerOn: async (node) => {
      await clock.sleep(bootsIn);
      running.add(node);
      tell();
      if (activeOn.size === 0) void failOver();
    },
    vital: async (node) => ({ running: running.has(node), answers: running.has(node) }),
    machinesSeenBy: async (node) => (running.has(node) ? [...running] : undefined),
    leaders: async () => ({ etcd: "core-03", engine: "core-01" }),
    watch: async function* (node, _units, signal) {
      let last = "";
      while (running.has(node) && !signal.aborted) {
        const sample = sampleOf(node);
        if (JSON.stringify(sample) !== last) yield sample;
        last = JSON.stringify(sample);
        await Promise.race([changed.promise, aborted(signal)]);
      }
    },
    close: async () => undefined,
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
