import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { diskError } from "../../foundation/files.ts";
import type { Log } from "../../foundation/log.ts";
import type {
  Capabilities,
  ClusterPlan,
  ClusterRef,
  Hold,
  MachineStatus,
  NodePlan,
  Provider,
} from "../provider.ts";
import type { Hierarchies } from "./cgroups.ts";
import { cgroupAt, findHierarchies } from "./cgroups.ts";
import { checkHost } from "./check.ts";
import { consoleLines } from "../console.ts";
import { buildImage, findImage } from "../image/image.ts";
import { cacheLayer } from "./layer.ts";
import { fillMirror, makeImages } from "./mirror/registry.ts";
import { hostNames } from "./names.ts";
import { readPower } from "./power.ts";
import type { NodeRecord } from "./record.ts";
import { nodePaths, readNode, readNodes, writeNode } from "./record.ts";
import { refer } from "./references.ts";
import { removeCluster, removeNode } from "./remove.ts";
import { writeSeed } from "./seed.ts";
import { parseSubnet } from "./subnet.ts";
import { readConfig, supervisorConfig, writeConfig } from "./supervisor/config.ts";
import { ensureSupervisor } from "./supervisor/launch.ts";
import { call } from "./supervisor/rpc.ts";

export interface NspawnOptions {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
  /** How to start a supervisor; the state folder is added as last argument. It must call `runSupervisor`. */
  readonly supervisorCommand: readonly string[];
  /** Our own programs and units for nodes: `dist/node/layer`. */
  readonly layerDir: string;
  /** `templates/image` */
  readonly recipeDir: string;
  /** `~/.cache/flotilla` */
  readonly cacheDir: string;
  /** Of Debian's packages, when it is not the usual one. */
  readonly debianMirror?: string;
}

/** Linux system containers: systemd-nspawn on an overlay of a cached Debian, one supervisor per cluster. */
export function createNspawnProvider(options: NspawnOptions): Provider {
  const { exec, clock, log, cacheDir } = options;
  const hierarchies = findHierarchies();
  const image = {
    exec,
    recipeDir: options.recipeDir,
    cacheDir,
    ...(options.debianMirror === undefined ? {} : { mirror: options.debianMirror }),
  };

  const supervise = async (cluster: ClusterRef, signal: AbortSignal): Promise<void> => {
    const { stateDir } = cluster;
    const launch = { names: hostNames(cluster), stateDir, command: options.supervisorCommand, clock };
    await ensureSupervisor(launch, signal);
  };
  const request = async (
    cluster: ClusterRef,
    what: {
      readonly method: string;
      readonly node?: string;
      readonly more?: Readonly<Record<string, unknown>>;
    },
    signal: AbortSignal,
  ): Promise<unknown> => {
    await readConfig(cluster.stateDir);
    await supervise(cluster, signal);
    return (await call(hostNames(cluster).socket, what, signal))?.result;
  };
  const ask = async (cluster: ClusterRef, method: string, node: string, signal: AbortSignal): Promise<void> =>
    void (await request(cluster, { method, node }, signal));
  const record = async (cluster: ClusterPlan, plan: NodePlan, imageHash: string): Promise<void> => {
    const layer = await cacheLayer(exec, options.layerDir, cacheDir);
    const node = nodeRecord(cluster, plan, { image: imageHash, layer: layer.hash });
    try {
      await refer(cacheDir, cluster.stateDir);
      await writeSeed(nodePaths(cluster, node.name), node, plan);
      await writeNode(cluster, node);
    } catch (error) {
      throw diskError(error, nodePaths(cluster, node.name).dir);
    }
  };

  return {
    name: "nspawn",
    capabilities: capabilitiesOf(hierarchies),
    check: async (cluster) => {
      const imageMissing = (await findImage(image)) === undefined;
      const uid = process.getuid?.() ?? -1;
      return await checkHost({ exec, hierarchies, uid, imageMissing }, cluster);
    },
    prepare: async (cluster, report, signal) => {
      await buildImage(image, report, signal);
      await cacheLayer(exec, options.layerDir, cacheDir);
      if (hierarchies.memory === undefined)
        report("this host has no memory controller: memory is not limited");
      if (hierarchies.cpu === undefined) report("this host has no cpu controller: cpus are not limited");
      await writeConfig(supervisorConfig(cluster, cacheDir));
      const [, images] = await Promise.all([
        ask(cluster, "configure", "", signal),
        cluster.spec.docker.mirror ? makeImages(exec) : [],
      ]);
      if (images.length === 0) return;
      const { gateway } = parseSubnet(cluster.spec.network.subnet);
      await fillMirror({ clock, gateway, stateDir: cluster.stateDir }, images, signal);
    },
    machines: (cluster) => readMachines(cluster, hierarchies),
    create: async (cluster, plan, signal) => {
      signal.throwIfAborted();
      if ((await readNode(cluster, plan.machine.name)) !== undefined) return;
      const found = await findImage(image);
      if (found === undefined) {
        throw new AppError("E_HOST_LACKS", "the node image has not been built", {
          hint: "cluster image build",
        });
      }
      await record(cluster, plan, found.hash);
    },
    provision: async (cluster, plan, signal) => {
      signal.throwIfAborted();
      const before = await readNode(cluster, plan.machine.name);
      if (before === undefined) throw noMachine(plan.machine.name);
      await record(cluster, plan, before.image);
      // A proxy on this host's loopback, say: what nodes need of the host changes with their user-data.
      if (await writeConfig(supervisorConfig(cluster, cacheDir))) await ask(cluster, "configure", "", signal);
    },
    start: async (cluster, node, signal) => {
      if (!existsSync(nodePaths(cluster, node).record)) throw noMachine(node);
      await ask(cluster, "start", node, signal);
    },
    halt: async (cluster, node, signal) => {
      if (await isRunning(cluster, hierarchies, node)) await ask(cluster, "halt", node, signal);
    },
    kill: async (cluster, node, signal) => {
      if (await isRunning(cluster, hierarchies, node)) await ask(cluster, "kill", node, signal);
    },
    destroy: async (cluster, node, signal) => {
      if (await isRunning(cluster, hierarchies, node)) await ask(cluster, "kill", node, signal);
      await removeNode(exec, cluster, node, signal);
    },
    dispose: (cluster, signal) => removeCluster({ exec, clock, log, hierarchies, cacheDir }, cluster, signal),
    outages: {
      hold: async (cluster, { node, ...hold }, ttl, signal) =>
        void (await request(cluster, { method: "hold", node, more: { ...hold, ttl } }, signal)),
      release: async (cluster, id, node, signal) =>
        void (await request(cluster, { method: "release", node, more: { id } }, signal)),
      holds: async (cluster, signal) =>
        ((await request(cluster, { method: "holds" }, signal)) ?? []) as readonly Hold[],
    },
    console: (cluster, node, how) => consoleLines(nodePaths(cluster, node).console, clock, how),
  };
}

function capabilitiesOf(hierarchies: Hierarchies): Capabilities {
  return {
    powerCut: "process",
    // The freezer of cgroup v2 is in every kernel since 5.2.
    pause: hierarchies.unified !== undefined,
    partition: true,
    oneWayPartition: true,
    // A container has the host's clock, and a folder of the host's disk without a limit of its own.
    clockStep: false,
    diskFull: false,
    memoryLimit: hierarchies.memory !== undefined,
    cpuLimit: hierarchies.cpu !== undefined,
  };
}

function nodeRecord(
  cluster: ClusterPlan,
  { machine, machineId }: NodePlan,
  made: { readonly image: string; readonly layer: string },
): NodeRecord {
  const { prefix, gateway } = parseSubnet(cluster.spec.network.subnet);
  const { name, index, address, memory, cpus } = machine;
  return { version: 1, name, index, address, prefix, gateway, machineId, memory, cpus, ...made };
}

/** Read from what is there, not from what somebody remembers: a node runs if its cgroup holds a process. */
async function readMachines(
  cluster: ClusterRef,
  hierarchies: Hierarchies,
): Promise<ReadonlyMap<string, MachineStatus>> {
  const found = (await readNodes(cluster)).map(async ({ name, address }) => {
    const state = (await isRunning(cluster, hierarchies, name)) ? ("running" as const) : ("stopped" as const);
    const power = await readPower(hostNames(cluster), name);
    const since = power?.state === state ? { since: power.since } : {};
    return [name, { state, address, ...since }] as const;
  });
  return new Map(await Promise.all(found));
}

async function isRunning(cluster: ClusterRef, hierarchies: Hierarchies, node: string): Promise<boolean> {
  return await cgroupAt(hierarchies, join(hostNames(cluster).cgroup, node)).populated();
}

function noMachine(node: string): AppError {
  return new AppError("E_STATE_CONFLICT", `there is no machine ${node}`, {
    hint: "run 'cluster up' to create it",
  });
}
