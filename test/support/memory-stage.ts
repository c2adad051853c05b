import type { Clock } from "../../src/foundation/clock.ts";
import type { RegistryReading, Sample, Stage } from "../../src/failover/stage/stage.ts";
import { ImaginedCluster, unit, type Behaviour } from "./imagined-cluster.ts";
import { inMemory } from "./in-memory.ts";

/** The stage's twin: an imagined cluster as a scenario sees it. */
export function memoryStage(clock: Clock, behaviour: Behaviour = {}): Stage {
  const cluster = new ImaginedCluster(clock, behaviour);
  return {
    ...inMemory,
    nodes: cluster.nodes,
    startServices: async () => undefined,
    stopServices: async () => undefined,
    run: async (node, script, { signal }) => {
      signal.throwIfAborted();
      if (!cluster.runs(node)) return undefined;
      return behaviour.answer?.(node, script) ?? { code: 0, stdout: "", stderr: "" };
    },
    cut: (node) => cluster.takeDown(node),
    halt: (node) => cluster.takeDown(node),
    powerOn: (node) => cluster.powerOn(node),
    vital: async (node) => ({ running: cluster.runs(node), answers: cluster.runs(node) }),
    machinesSeenBy: async (node) => (cluster.runs(node) ? cluster.running : undefined),
    leaders: async () => ({ etcd: "core-03", engine: "core-01" }),
    watch: (node, units, signal) => samples(cluster, { node, units, signal }),
    registry: (node, signal) => readings(cluster, node, signal),
    audit: async (node) => (cluster.runs(node) ? cluster.audit(node) : undefined),
    close: async () => undefined,
  };
}

interface Watched {
  readonly node: string;
  readonly units: readonly string[];
  readonly signal: AbortSignal;
}

async function* samples(cluster: ImaginedCluster, { node, units, signal }: Watched): AsyncGenerator<Sample> {
  let last = "";
  for (const other of units.filter((name) => name !== unit)) {
    yield { unit: other, active: "active", sub: "active", invocation: "" };
  }
  while (cluster.runs(node) && !signal.aborted) {
    const sample = cluster.sample(node);
    if (JSON.stringify(sample) !== last) yield sample;
    last = JSON.stringify(sample);
    await cluster.changed(signal);
  }
}

async function* readings(
  cluster: ImaginedCluster,
  node: string,
  signal: AbortSignal,
): AsyncGenerator<RegistryReading> {
  while (cluster.runs(node) && !signal.aborted) {
    yield cluster.reading();
    await cluster.changed(signal);
  }
}
