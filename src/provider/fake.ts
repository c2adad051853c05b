import type { Clock } from "../foundation/clock.ts";
import type {
  Capabilities,
  ClusterPlan,
  ClusterRef,
  Lack,
  MachineStatus,
  NodePlan,
  Provider,
} from "./provider.ts";
import { noMachine } from "./no-machine.ts";

/** What a test can see and change of the fake's world. */
export interface FakeProvider extends Provider {
  /** Everything that was done, in its order: `start core-01`. */
  readonly calls: readonly string[];
  /** What `check` finds. */
  lacks: readonly Lack[];
  /** The user-data with which a machine last booted; undefined before its first boot. */
  bootedWith(cluster: ClusterRef, node: string): string | undefined;
  /** The machine, which exists, prints a line on its console. */
  print(cluster: ClusterRef, node: string, line: string): void;
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
  const failures = new Map<string, Error>();
  const calls: string[] = [];
  const begin = (signal: AbortSignal, call: string, node?: string): void => {
    signal.throwIfAborted();
    calls.push(node === undefined ? call : `${call} ${node}`);
    const failure = failures.get(call);
    failures.delete(call);
    if (failure !== undefined) throw failure;
  };
  const clusters: Clusters = new Map();
  return {
    name: "nspawn",
    capabilities: { ...everything, ...capabilities },
    calls,
    lacks: [],
    bootedWith: (cluster, node) => machinesOf(clusters, cluster).get(node)?.booted,
    print: (cluster, node, line) => void must(clusters, cluster, node).console.push(line),
    failNext: (call, error) => void failures.set(call, error),
    check(_cluster: ClusterPlan) {
      return Promise.resolve(this.lacks);
    },
    prepare: async (cluster, report, signal) => {
      begin(signal, "prepare");
      report("preparing");
      clusters.set(cluster.dir, machinesOf(clusters, cluster));
    },
    machines: (cluster) => Promise.resolve(statuses(machinesOf(clusters, cluster))),
    ...switches({ clusters, clock, begin }),
    dispose: async (cluster, signal) => {
      begin(signal, "dispose");
      clusters.delete(cluster.dir);
    },
    console: (cluster, node, options) =>
      follow(() => machinesOf(clusters, cluster).get(node)?.console ?? [], clock, options),
  };
}

type Clusters = Map<string, Map<string, FakeMachine>>;

interface Power {
  readonly clusters: Clusters;
  readonly clock: Clock;
  /** Notes the call, and fails if it was told to. */
  readonly begin: (signal: AbortSignal, call: string, node?: string) => void;
}

/** What is done to single machines. */
function switches({
  clusters,
  clock,
  begin,
}: Power): Pick<Provider, "create" | "provision" | "start" | "halt" | "kill" | "destroy"> {
  const power = (machine: FakeMachine | undefined, state: MachineStatus["state"], line: string): void => {
    if (machine === undefined || machine.state === state) return;
    Object.assign(machine, { state, since: clock.now() });
    machine.console.push(line);
  };
  return {
    create: async (cluster, plan, signal) => {
      begin(signal, "create", plan.machine.name);
      const machines = machinesOf(clusters, cluster);
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
      must(clusters, cluster, plan.machine.name).plan = plan;
    },
    start: async (cluster, node, signal) => {
      begin(signal, "start", node);
      const machine = must(clusters, cluster, node);
      if (machine.state === "stopped") machine.booted = machine.plan.userData;
      power(machine, "running", `Welcome to ${node}!`);
    },
    halt: async (cluster, node, signal) => {
      begin(signal, "halt", node);
      power(machinesOf(clusters, cluster).get(node), "stopped", "Powering off.");
    },
    kill: async (cluster, node, signal) => {
      begin(signal, "kill", node);
      power(machinesOf(clusters, cluster).get(node), "stopped", "(power cut)");
    },
    destroy: async (cluster, node, signal) => {
      begin(signal, "destroy", node);
      machinesOf(clusters, cluster).delete(node);
    },
  };
}

function machinesOf(clusters: Clusters, cluster: ClusterRef): Map<string, FakeMachine> {
  return clusters.get(cluster.dir) ?? new Map<string, FakeMachine>();
}

function must(clusters: Clusters, cluster: ClusterRef, node: string): FakeMachine {
  const found = machinesOf(clusters, cluster).get(node);
  if (found === undefined) throw noMachine(node);
  return found;
}

function statuses(machines: ReadonlyMap<string, FakeMachine>): ReadonlyMap<string, MachineStatus> {
  const found = [...machines].map(
    ([name, { state, since, plan }]) => [name, { state, since, address: plan.machine.address }] as const,
  );
  return new Map(found);
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
