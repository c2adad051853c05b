import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../../foundation/errors.ts";
import type { ClusterPlan, ClusterRef, NodePlan } from "../../provider/provider.ts";
import type { ClusterKeys } from "../../provision/keys.ts";
import type { EtcdPeer } from "../../provision/node-input.ts";
import { renderUserData } from "../../provision/user-data.ts";
import type { ClusterSpec, MachineSpec, ProviderName } from "../../spec/model.ts";
import { defaultEtcdMembers, machinesOf } from "../../spec/machines.ts";
import type { HostMaterials } from "../prepare/host-materials.ts";
import { discoveryConflicts, etcdStart, isMadeAgain } from "../prepare/discovery.ts";
import { etcdMembersIn, type ClusterState, type MachineState } from "../state/state.ts";

/** What cluster.yaml asks of each machine, ready to be given to a provider. */
export interface Desired {
  readonly plan: ClusterPlan;
  readonly nodes: ReadonlyMap<string, NodePlan>;
  /** SHA-256 of each machine's user-data. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** The cluster's plan as the spec has it; of an existing cluster, the state says where etcd is. */
export function clusterPlan(ref: ClusterRef, spec: ClusterSpec, state?: ClusterState): ClusterPlan {
  const machines = machinesOf(spec);
  if (state === undefined) return { ...ref, spec, machines };
  return {
    ...ref,
    spec,
    machines: machines.map((machine) => ({ ...machine, etcdMember: isMember(machine, state) })),
  };
}

/** etcd's members are those of the first `up`, however many machines there are later. */
function isMember(machine: MachineSpec, state: ClusterState): boolean {
  return state.machines[machine.name]?.etcdMember ?? (isYoung(state) && machine.etcdMember);
}

/** Whether nothing has been made yet. */
function isYoung(state: ClusterState): boolean {
  return Object.values(state.machines).every(({ created }) => created === "no");
}

/**
 * The state in which these machines' etcds join the others, one after the other. Only what is to be made is asked for:
 * which of them are in the cluster already is in the state.
 */
export function withJoiners(state: ClusterState, selected: readonly string[]): ClusterState {
  const joiners = joinersIn(state, selected);
  let members = etcdMembersIn(state).filter((name) => !joiners.includes(name));
  const machines = { ...state.machines };
  for (const name of joiners) {
    const machine = machines[name];
    if (machine === undefined) continue;
    members = [...members, name];
    machines[name] = { ...machine, etcdPeers: members };
  }
  return { ...state, machines };
}

/**
 * The machines whose etcd has to be added before they are made: those that were taken out in good order, and members
 * whose disks are gone. None when no member is left that they could join.
 */
export function joinersIn(state: ClusterState, selected: readonly string[]): readonly string[] {
  const joins = (name: string): boolean => {
    const machine = state.machines[name];
    return machine?.etcdLeft === true || (machine?.created !== "created" && isMadeAgain(state, name));
  };
  const joiners = selected.filter(joins);
  return etcdMembersIn(state).some((name) => !joiners.includes(name)) ? joiners : [];
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
      ...peersOf(machine, state),
    });
    nodes.set(machine.name, { machine, userData, machineId });
    hashes[machine.name] = createHash("sha256").update(userData).digest("hex");
  }
  return { plan, nodes, hashes };
}

function peersOf({ name }: MachineSpec, state: ClusterState): { etcdPeers?: readonly EtcdPeer[] } {
  const names = state.machines[name]?.etcdPeers;
  if (names === undefined) return {};
  return { etcdPeers: names.map((peer) => ({ name: peer, address: mustKnow(state, peer).address })) };
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
    ...plan.machines.flatMap((machine) => conflictsOf(machine, state, plan.spec)),
    ...discoveryConflicts(state, plan),
  ];
  if (conflicts.length > 0) {
    throw new AppError("E_STATE_CONFLICT", "cluster.yaml asks for what a running cluster cannot become", {
      details: conflicts,
      hint: "undo these changes, or 'cluster destroy' first",
    });
  }
  const added = plan.machines.filter(({ name }) => state.machines[name] === undefined);
  const back = plan.machines.filter(({ name }) => state.machines[name]?.removed === true);
  if (added.length === 0 && back.length === 0) return state;
  const fresh = added.map((machine): [string, MachineState] => {
    return [machine.name, newMachine({ ...machine, etcdMember: isMember(machine, state) })];
  });
  const again = back.map(({ name }): [string, MachineState] => [
    name,
    { ...mustKnow(state, name), removed: false },
  ]);
  return { ...state, machines: { ...state.machines, ...Object.fromEntries([...fresh, ...again]) } };
}

function conflictsOf(machine: MachineSpec, state: ClusterState, spec: ClusterSpec): string[] {
  const { name, address, etcdMember } = machine;
  const known = state.machines[name];
  // The number that nobody chose follows the number of machines; then the state's counts.
  const chosen = spec.etcd.members !== defaultEtcdMembers(spec.machines.count);
  const moved = known !== undefined && known.address !== address;
  return [
    ...(moved ? [`${name}: its address is ${known.address}`] : []),
    ...(chosen && etcdMember !== isMember(machine, state)
      ? [`${name}: etcd's members are fixed at the first up`]
      : []),
  ];
}

/** What losing a machine of a small etcd means; undefined when any one may be lost. */
export function etcdWarning(machines: readonly MachineSpec[]): string | undefined {
  const members = machines.filter(({ etcdMember }) => etcdMember).map(({ name }) => name);
  if (members.length >= 3) return undefined;
  const count = members.length === 1 ? "one member" : "two members";
  return `etcd has only ${count}: losing ${members.join(" or ")} stops failover (it survives the loss of one from three members on)`;
}
