import type { Clock } from "../foundation/clock.ts";
import { AppError } from "../foundation/errors.ts";
import type {
  Capabilities,
  ClusterPlan,
  ClusterRef,
  Lack,
  MachineStatus,
  NodePlan,
  Provider,
} from "./provider.ts";

/** What a test can see and change of the fake's world. */
export interface FakeProvider extends Provider {
  /** Everything that was done, in its order: `start core-01`. */
  readonly calls: readonly string[];
  /** What `check` finds. */
  lacks: readonly Lack[];
  /** The user-data with which a machine last booted; undefined before its first boot. */
  bootedWith(cluster: ClusterRef, node: string): string | undefined;
  /** The next call of that kind fails with the error. */
  failNext(call: string, error: Error): void;
}

export interface FakeOptions {
  readonly clock: Clock;
  /** What it says that it can do; everything by default. */
  readonly capabilities?: Partial<Capabilities>;
}

interface FakeMachine {
  plan: NodePlan;
  state: MachineStatus["state"];
  since: number;
  booted: string | undefined;
  console: string[];
}

/** Machines that exist in memory only, for tests of whoever uses a provider. */
export function createFakeProvider({ clock, capabilities }: FakeOptions): FakeProvider {
  const clusters = new Map<string, Map<string, FakeMachine>>();
  const failures = new Map<string, Error>();
  const calls: string[] = [];

  const machinesOf = (cluster: ClusterRef): Map<string, FakeMachine> =>
    clusters.get(cluster.dir) ?? new Map();
  const begin = (signal: AbortSignal, call: string, node?: string): void => {
    signal.throwIfAborted();
    calls.push(node === undefined ? call : `${call} ${node}`);
    const failure = failures.get(call);
    failures.delete(call);
    if (failure !== undefined) throw failure;
  };
  const must = (cluster: ClusterRef, node: string): FakeMachine => {
    const found = machinesOf(cluster).get(node);
    if (found !== undefined) return found;
    throw new AppError("E_STATE_CONFLICT", `there is no machine ${node}`, {
      hint: "run 'cluster up' to create it",
    });
  };
  const power = (machine: FakeMachine | undefined, state: MachineStatus["state"], line: string): void => {
    if (machine === undefined || machine.state === state) return;
    Object.assign(machine, { state, since: clock.now() });
    machine.console.push(line);
  };

  return {
    name: "nspawn",
    capabilities: { ...everything, ...capabilities },
    calls,
    lacks: [],
    bootedWith: (cluster, node) => machinesOf(cluster).get(node)?.booted,
    failNext: (call, error) => void failures.set(call, error),
    check(_cluster: ClusterPlan) {
      return Promise.resolve(this.lacks);
    },
    prepare: async (cluster, report, signal) => {
      begin(signal, "prepare");
      report("preparing");
      clusters.set(cluster.dir, machinesOf(cluster));
    },
    machines: async (cluster) =>
      new Map(
        [...machinesOf(cluster)].map(([name, { state, since, plan }]) => [
          name,
          { state, since, address: plan.machine.address },
        ]),
      ),
    create: async (cluster, plan, signal) => {
      begin(signal, "create", plan.machine.name);
      const machines = machinesOf(cluster);
      if (machines.has(plan.machine.name)) return;
      const fresh: FakeMachine = {
        plan,
        state: "stopped",
        since: clock.now(),
        booted: undefined,
        console: [],
      };
      clusters.set(cluster.dir, machines.set(plan.machine.name, fresh));
    },
    provision: async (cluster, plan, signal) => {
      begin(signal, "provision", plan.machine.name);
      must(cluster, plan.machine.name).plan = plan;
    },
    start: async (cluster, node, signal) => {
      begin(signal, "start", node);
      const machine = must(cluster, node);
      if (machine.state === "stopped") machine.booted = machine.plan.userData;
      power(machine, "running", `Welcome to ${node}!`);
    },
    halt: async (cluster, node, signal) => {
      begin(signal, "halt", node);
      power(machinesOf(cluster).get(node), "stopped", "Powering off.");
    },
    kill: async (cluster, node, signal) => {
      begin(signal, "kill", node);
      power(machinesOf(cluster).get(node), "stopped", "(power cut)");
    },
    destroy: async (cluster, node, signal) => {
      begin(signal, "destroy", node);
      machinesOf(cluster).delete(node);
    },
    dispose: async (cluster, signal) => {
      begin(signal, "dispose");
      clusters.delete(cluster.dir);
    },
    console: (cluster, node, options) =>
      follow(() => machinesOf(cluster).get(node)?.console ?? [], clock, options),
  };
}

async function* follow(
  lines: () => readonly string[],
  clock: Clock,
  options: { readonly follow: boolean; readonly signal: AbortSignal },
): AsyncIterable<string> {
  for (let shown = 0; !options.signal.aborted;) {
    const news = lines().slice(shown);
    shown += news.length;
    yield* news;
    if (!options.follow) return;
    await clock.sleep(100, options.signal).catch(() => undefined);
  }
}

const everything: Capabilities = {
  powerCut: "process",
  pause: true,
  partition: true,
  oneWayPartition: true,
  clockStep: true,
  diskFull: true,
  memoryLimit: true,
  cpuLimit: true,
};
