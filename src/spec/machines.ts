import type { ClusterSpec, MachineSpec } from "./model.ts";
import { hostAddress, subnetOf } from "./subnet.ts";

/** The cluster's machines in order, each with its address and what its override changes. */
export function machinesOf(spec: ClusterSpec): MachineSpec[] {
  const subnet = subnetOf(spec.network.subnet);
  return machineNames(spec.machines.prefix, spec.machines.count).map((name, position) => {
    const override = spec.machines.overrides[name];
    return {
      name,
      index: position + 1,
      address: hostAddress(subnet, spec.network.first + position),
      memory: override?.memory ?? spec.machines.memory,
      cpus: override?.cpus ?? spec.machines.cpus,
      metadata: { ...spec.machines.metadata, ...override?.metadata },
      etcdMember: position < spec.etcd.members,
    };
  });
}

/** The host's address on the cluster's network: the first of the subnet. */
export function gatewayOf(spec: ClusterSpec): string {
  return hostAddress(subnetOf(spec.network.subnet), 1);
}

/** `core-01`, `core-02` … */
export function machineNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, position) => `${prefix}-${String(position + 1).padStart(2, "0")}`);
}

/**
 * How many machines are etcd members when cluster.yaml does not say: 5 from seven machines on, 3 from three on, else 1.
 * Three members survive the loss of one, five of two; two would survive none and fail twice as often as one.
 */
export function defaultEtcdMembers(count: number): number {
  if (count >= 7) return 5;
  return count >= 3 ? 3 : 1;
}
