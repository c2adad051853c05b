import { existsSync } from "node:fs";
import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { diskError } from "../../foundation/files.ts";
import type { Log } from "../../foundation/log.ts";
import type { Capabilities, ClusterPlan, ClusterRef, Lack, NodePlan, Provider, Report } from "../provider.ts";
import type { Hierarchies } from "./cgroups.ts";
import { findHierarchies } from "./cgroups.ts";
import { checkHost } from "./check.ts";
import { consoleLines } from "../console.ts";
import { buildImage, findImage, type ImageOptions } from "../image/image.ts";
import { noMachine } from "../no-machine.ts";
import { cacheLayer } from "./layer.ts";
import { isRunning, readMachines } from "./machines.ts";
import { fillMirror, makeImages } from "../gateway/mirror/registry.ts";
import type { NodeRecord } from "./record.ts";
import { nodePaths, readNode, writeNode } from "./record.ts";
import { refer } from "./references.ts";
import { removeCluster, removeNode } from "./remove.ts";
import { writeSeed } from "./seed.ts";
import { parseSubnet } from "./subnet.ts";
import { supervisorLine, supervisedOutages, type SupervisorLine } from "./supervisor/ask.ts";
import { supervisorConfig, writeConfig } from "./supervisor/config.ts";

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

/** What the parts of the provider work with. */
interface Workshop extends NspawnOptions {
  readonly hierarchies: Hierarchies;
  readonly supervisor: SupervisorLine;
  readonly image: ImageOptions;
}

/** Linux system containers: systemd-nspawn on an overlay of a cached Debian, one supervisor per cluster. */
export function createNspawnProvider(options: NspawnOptions): Provider {
  const hierarchies = findHierarchies();
  const supervisor = supervisorLine({ command: options.supervisorCommand, clock: options.clock });
  const shop: Workshop = { ...options, hierarchies, supervisor, image: imageOf(options) };
  const tell = async (
    cluster: ClusterRef,
    method: "halt" | "kill",
    node: string,
    signal: AbortSignal,
  ): Promise<void> => {
    if (await isRunning(cluster, hierarchies, node)) await supervisor.ask(cluster, { method, node }, signal);
  };
  return {
    name: "nspawn",
    capabilities: capabilitiesOf(hierarchies),
    check: (cluster) => check(shop, cluster),
    prepare: (cluster, report, signal) => prepare(shop, cluster, report, signal),
    machines: (cluster) => readMachines(cluster, hierarchies),
    create: (cluster, plan, signal) => create(shop, cluster, plan, signal),
    provision: (cluster, plan, signal) => provision(shop, cluster, plan, signal),
    start: async (cluster, node, signal) => {
      if (!existsSync(nodePaths(cluster, node).record)) throw noMachine(node);
      await supervisor.ask(cluster, { method: "start", node }, signal);
    },
    halt: (cluster, node, signal) => tell(cluster, "halt", node, signal),
    kill: (cluster, node, signal) => tell(cluster, "kill", node, signal),
    destroy: async (cluster, node, signal) => {
      await tell(cluster, "kill", node, signal);
      await removeNode(options.exec, cluster, node, signal);
    },
    dispose: (cluster, signal) => removeCluster(shop, cluster, signal),
    outages: supervisedOutages(supervisor),
    console: (cluster, node, how) => consoleLines(nodePaths(cluster, node).console, options.clock, how),
  };
}

async function check({ exec, hierarchies, image }: Workshop, cluster: ClusterPlan): Promise<readonly Lack[]> {
  const imageMissing = (await findImage(image)) === undefined;
  const uid = process.getuid?.() ?? -1;
  return await checkHost({ exec, hierarchies, uid, imageMissing }, cluster);
}

/** Image, layer, supervisor with network and mirror, and the mirror's images. */
async function prepare(
  shop: Workshop,
  cluster: ClusterPlan,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { exec, clock, cacheDir, hierarchies } = shop;
  await buildImage(shop.image, report, signal);
  await cacheLayer(exec, shop.layerDir, cacheDir);
  if (hierarchies.memory === undefined) report("this host has no memory controller: memory is not limited");
  if (hierarchies.cpu === undefined) report("this host has no cpu controller: cpus are not limited");
  await writeConfig(supervisorConfig(cluster, cacheDir));
  const [, images] = await Promise.all([
    shop.supervisor.ask(cluster, { method: "configure" }, signal),
    cluster.spec.docker.mirror ? makeImages(exec, cluster.spec.docker.images) : [],
  ]);
  if (images.length === 0) return;
  const { gateway } = parseSubnet(cluster.spec.network.subnet);
  await fillMirror({ clock, gateway, stateDir: cluster.stateDir }, images, signal);
}

async function create(
  shop: Workshop,
  cluster: ClusterPlan,
  plan: NodePlan,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if ((await readNode(cluster, plan.machine.name)) !== undefined) return;
  const found = await findImage(shop.image);
  if (found === undefined) {
    throw new AppError("E_HOST_LACKS", "the node image has not been built", { hint: "cluster image build" });
  }
  await record(shop, cluster, plan, found.hash);
}

async function provision(
  shop: Workshop,
  cluster: ClusterPlan,
  plan: NodePlan,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const before = await readNode(cluster, plan.machine.name);
  if (before === undefined) throw noMachine(plan.machine.name);
  await record(shop, cluster, plan, before.image);
  // A proxy on this host's loopback, say: what nodes need of the host changes with their user-data.
  if (await writeConfig(supervisorConfig(cluster, shop.cacheDir)))
    await shop.supervisor.ask(cluster, { method: "configure" }, signal);
}

/** Writes down what the node is made of, and what it reads at its next boot. */
async function record(
  { exec, layerDir, cacheDir }: Workshop,
  cluster: ClusterPlan,
  plan: NodePlan,
  image: string,
): Promise<void> {
  const layer = await cacheLayer(exec, layerDir, cacheDir);
  const node = nodeRecord(cluster, plan, { image, layer: layer.hash });
  try {
    await refer(cacheDir, cluster.stateDir);
    await writeSeed(nodePaths(cluster, node.name), node, plan);
    await writeNode(cluster, node);
  } catch (error) {
    throw diskError(error, nodePaths(cluster, node.name).dir);
  }
}

function imageOf({ exec, recipeDir, cacheDir, debianMirror }: NspawnOptions): ImageOptions {
  return { exec, recipeDir, cacheDir, ...(debianMirror === undefined ? {} : { mirror: debianMirror }) };
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
