import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ClusterPlan, NodePlan } from "../../src/provider/provider.ts";
import type { ClusterSpec, MachineSpec } from "../../src/spec/model.ts";

/** A small cluster as lifecycle would hand it to a provider. */
export function clusterPlan(dir: string, name = "contract", count = 2): ClusterPlan {
  const spec: ClusterSpec = {
    version: 1,
    name,
    provider: "nspawn",
    os: { name: "debian", channel: "stable", version: "current", mirror: undefined },
    machines: { count, prefix: "core", memory: 512, cpus: 1, metadata: {}, overrides: {} },
    network: { subnet: "192.168.56.0/24", first: 11, internet: true },
    etcd: { members: 1, discovery: "static" },
    fleet: { agentTtl: 4_000 },
    docker: { images: ["busybox", "jlordiales/python-micro-service"], mirror: true, exposeTcp: false },
    ssh: { insecureKey: "auto", authorizedKeys: [] },
    proxy: undefined,
    ports: {},
    sharedFolders: [],
    vagrant: { gui: false, serialLog: false, cpuCap: 100, shareHome: false, libvirtDriver: "auto" },
    services: [],
    userData: {},
  };
  const machines = Array.from({ length: count }, (_, at): MachineSpec => ({
    name: `core-0${at + 1}`,
    index: at + 1,
    address: `192.168.56.${11 + at}`,
    memory: spec.machines.memory,
    cpus: spec.machines.cpus,
    metadata: {},
    etcdMember: at === 0,
  }));
  return { name, dir, stateDir: join(dir, ".state"), spec, machines };
}

/** The plan of the cluster's n-th machine, from 1. */
export function nodePlan(cluster: ClusterPlan, index: number, userData = "#cloud-config\n"): NodePlan {
  const machine = cluster.machines[index - 1];
  if (machine === undefined) throw new RangeError(`the cluster has no machine number ${index}`);
  return { machine, userData, machineId: createHash("md5").update(machine.name).digest("hex") };
}
