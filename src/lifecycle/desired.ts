import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../foundation/errors.ts";
import type { ClusterPlan, ClusterRef, NodePlan } from "../provider/provider.ts";
import type { ClusterKeys } from "../provision/keys.ts";
import { renderUserData } from "../provision/user-data.ts";
import type { ClusterSpec, MachineSpec, ProviderName } from "../spec/model.ts";
import { machinesOf } from "../spec/machines.ts";
import type { HostMaterials } from "./host-materials.ts";
import { discoveryConflicts, etcdStart } from "./discovery.ts";
import type { ClusterState, MachineState } from "./state.ts";

/** What cluster.yaml asks of each machine, ready to be given to a provider. */
export interface Desired {
  readonly plan: ClusterPlan;
  readonly nodes: ReadonlyMap<string, NodePlan>;
  /** SHA-256 of each machine's user-data. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** The cluster's plan as the spec has it. */
export function clusterPlan(ref: ClusterRef, spec: ClusterSpec): ClusterPlan {
  return { ...ref, spec, machines: machinesOf(spec) };
}

/** Renders every machine's user-data. */
export function desiredNodes(
  plan: ClusterPlan,
  state: ClusterState,
  keys: ClusterKeys,
  { insecureKey, executable }: Omit<HostMaterials, "notes">,
): Desired {
  const materials = {
    ...(insecureKey === undefined ? {} : { insecureKey }),
    ...(executable === undefined ? {} : { executable: executable.sha256 }),
  };
  const { spec, machines } = plan;
  const nodes = new Map<string, NodePlan>();
  const hashes: Record<string, string> = {};
  for (const machine of machines) {
    const { machineId } = mustKnow(state, machine.name);
    const userData = renderUserData({
      spec,
      machine,
      machines,
      keys,
      provider: state.provider,
      ...etcdStart(state, machine.name),
      ...materials,
    });
    nodes.set(machine.name, { machine, userData, machineId });
    hashes[machine.name] = createHash("sha256").update(userData).digest("hex");
  }
  return { plan, nodes, hashes };
}

function mustKnow(state: ClusterState, name: string): MachineState {
  const machine = state.machines[name];
  if (machine === undefined) throw new AppError("E_BUG", `the state knows no machine ${name}`);
  return machine;
}

/** The state of a cluster that has nothing yet. */
export function newState(plan: ClusterPlan, provider: ProviderName): ClusterState {
  return {
    version: 1,
    name: plan.spec.name,
    provider,
    machines: Object.fromEntries(plan.machines.map((machine) => [machine.name, newMachine(machine)])),
    services: {},
  };
}

function newMachine(machine: MachineSpec): MachineState {
  const machineId = randomBytes(16).toString("hex");
  return { machineId, address: machine.address, etcdMember: machine.etcdMember, created: "no" };
}

/**
 * The state with the machines that cluster.yaml has got since.
 * @throws E_STATE_CONFLICT when it asks for something that an existing cluster cannot become
 */
export function mergeState(state: ClusterState, plan: ClusterPlan): ClusterState {
  const conflicts = [
    ...(state.name === plan.spec.name ? [] : [`name: it was brought up as ${state.name}`]),
    ...plan.machines.flatMap((machine) => conflictsOf(machine, state.machines[machine.name], state)),
    ...discoveryConflicts(state, plan),
  ];
  if (conflicts.length > 0) {
    throw new AppError("E_STATE_CONFLICT", "cluster.yaml asks for what a running cluster cannot become", {
      details: conflicts,
      hint: "undo these changes, or 'cluster destroy' first",
    });
  }
  const added = plan.machines.filter(({ name }) => state.machines[name] === undefined);
  if (added.length === 0) return state;
  const fresh = Object.fromEntries(added.map((machine) => [machine.name, newMachine(machine)]));
  return { ...state, machines: { ...state.machines, ...fresh } };
}

function conflictsOf(machine: MachineSpec, known: MachineState | undefined, state: ClusterState): string[] {
  const { name } = machine;
  if (known === undefined) {
    const young = Object.values(state.machines).every(({ created }) => created === "no");
    return machine.etcdMember && !young ? [`${name}: etcd's members are fixed at the first up`] : [];
  }
  return [
    ...(known.address === machine.address ? [] : [`${name}: its address is ${known.address}`]),
    ...(known.etcdMember === machine.etcdMember ? [] : [`${name}: etcd's members are fixed at the first up`]),
  ];
}

/** What losing a machine of a small etcd means; undefined when any one may be lost. */
export function etcdWarning(machines: readonly MachineSpec[]): string | undefined {
  const members = machines.filter(({ etcdMember }) => etcdMember).map(({ name }) => name);
  if (members.length >= 3) return undefined;
  const count = members.length === 1 ? "one member" : "two members";
  return `etcd has only ${count}: losing ${members.join(" or ")} stops failover (it survives the loss of one from three members on)`;
}
