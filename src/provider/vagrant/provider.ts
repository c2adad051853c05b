import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { isAppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { writeAtomically } from "../../foundation/files.ts";
import { consoleLines } from "../console.ts";
import { noMachine } from "../no-machine.ts";
import type {
  Capabilities,
  ClusterPlan,
  ClusterRef,
  Lack,
  MachineStatus,
  Provider,
  Report,
} from "../provider.ts";
import type { Attendant } from "./attendant.ts";
import type { Hypervisor, Inventory } from "./hypervisor.ts";
import { makingWith, type Making } from "./making.ts";
import type { VmRecord } from "./record.ts";
import {
  consoleFile,
  machineUuid,
  readRecord,
  readRecords,
  recordsDir,
  removeRecord,
  userDataFile,
  vagrantFolder,
  writeRecord,
} from "./record.ts";
import { checkVagrant, vagrant, type Vagrant } from "./vagrant.ts";

export interface VagrantOptions {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  /** What must be there before the machines: the box, the rendered folder. Idempotent; reports as it goes. */
  readonly furnish: (cluster: ClusterPlan, report: Report, signal: AbortSignal) => Promise<void>;
  /** What serves the machines on this host; undefined where they need nothing of the kind. */
  readonly attendant?: Attendant;
  /** What this host lacks for `furnish`. */
  readonly checkFurniture: (cluster: ClusterPlan) => Promise<readonly Lack[]>;
}

/** Virtual machines that Vagrant makes, in VirtualBox or libvirt. */
export function createVagrantProvider(options: VagrantOptions): Provider {
  const { exec, clock, hypervisor } = options;
  const { name } = hypervisor;
  const tool = vagrant(exec);
  const shop: Workshop = { ...options, ...makingWith(tool, hypervisor, clock), tool };
  return {
    name,
    capabilities,
    check: async (cluster) => {
      const lacks = await hypervisor.check(cluster);
      return [...lacks, ...(await checkVagrant(exec, name)), ...(await options.checkFurniture(cluster))];
    },
    prepare: async (cluster, report, signal) => {
      signal.throwIfAborted();
      await options.furnish(cluster, report, signal);
      await hypervisor.prepare(cluster, report, signal);
      await options.attendant?.apply(cluster, signal);
    },
    machines: (cluster) => readMachines(hypervisor, cluster),
    create: async (cluster, { machine, userData }, signal) => {
      signal.throwIfAborted();
      if ((await readRecord(cluster, machine.name)) !== undefined) return;
      await shop.remove(cluster, machine.name, signal);
      await writeUserData(cluster, machine.name, userData);
      const { name: node, address } = machine;
      await writeRecord(cluster, { version: 1, name: node, address, made: "no", pending: true });
    },
    provision: async (cluster, { machine, userData }, signal) => {
      signal.throwIfAborted();
      const record = await mustRead(cluster, machine.name);
      await writeUserData(cluster, machine.name, userData);
      await writeRecord(cluster, { ...record, pending: true });
      // A proxy on this host's loopback, say: what machines need of the host changes with their user-data.
      await options.attendant?.apply(cluster, signal);
    },
    start: (cluster, node, signal) => start(shop, cluster, node, signal),
    halt: (cluster, node, signal) => halt(shop, cluster, node, signal),
    kill: (cluster, node, signal) => cutPower(shop, cluster, node, signal),
    destroy: async (cluster, node, signal) => {
      await shop.remove(cluster, node, signal);
      for (const file of [userDataFile(cluster, node), consoleFile(cluster, node)])
        await rm(file, { force: true });
      await removeRecord(cluster, node);
    },
    dispose: (cluster, signal) => dispose(shop, cluster, signal),
    console: (cluster, node, how) => consoleLines(consoleFile(cluster, node), clock, how),
  };
}

/** What the parts of the provider work with. */
interface Workshop extends VagrantOptions, Making {
  readonly tool: Vagrant;
}

async function start(shop: Workshop, cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await bringUp(shop, cluster, await mustRead(cluster, node), { again: false, signal });
  } catch (error) {
    // Two threads of one Vagrant can lock each other out while a slow machine boots. Somebody else's stays locked.
    if (!isAppError(error, "E_LOCKED")) throw error;
    await bringUp(shop, cluster, await mustRead(cluster, node), { again: true, signal });
  }
}

/** Brings the machine up, whatever there is of it; `again` when an earlier try may have got as far as booting it. */
async function bringUp(
  shop: Workshop,
  cluster: ClusterRef,
  record: VmRecord,
  { again, signal }: { readonly again: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const node = record.name;
  const state = await stateOf(shop.hypervisor, cluster, node);
  if (record.made === "yes" && state === "running" && !again) return;
  if (record.made === "no" || state === "absent") {
    // What an interrupted first start left has neither its network nor its cloud-config, and Vagrant would not see that.
    await writeRecord(cluster, { ...record, made: "no" });
    await shop.remove(cluster, node, signal);
    await shop.make(cluster, node, signal);
  } else {
    await shop.tool.run(cluster, ["up", node, record.pending ? "--provision" : "--no-provision"], signal);
  }
  await note(shop, cluster, { ...record, made: "yes", pending: false }, "running");
}

async function halt(shop: Workshop, cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> {
  const record = await readRecord(cluster, node);
  if (record === undefined || (await stateOf(shop.hypervisor, cluster, node)) !== "running") return;
  await shop.tool.run(cluster, ["halt", node], signal);
  await note(shop, cluster, record, "stopped");
}

async function cutPower(
  shop: Workshop,
  cluster: ClusterRef,
  node: string,
  signal: AbortSignal,
): Promise<void> {
  const { hypervisor } = shop;
  const record = await readRecord(cluster, node);
  const id = await machineUuid(cluster, node, hypervisor.name);
  if (record === undefined || id === undefined) return;
  if (stateIn(await hypervisor.look(), id) !== "running") return;
  await hypervisor.powerOff(id, signal);
  await note(shop, cluster, record, "stopped");
}

async function dispose(shop: Workshop, cluster: ClusterRef, signal: AbortSignal): Promise<void> {
  for (const { name: node } of await readRecords(cluster)) {
    await shop.remove(cluster, node, signal);
    await removeRecord(cluster, node);
  }
  await shop.attendant?.dismiss(cluster);
  await shop.hypervisor.dispose(cluster, signal);
  // Vagrantfile and config.rb stay: somebody may have worked on them. What opens machines that are gone does not.
  for (const part of [".vagrant", "cloud-config", "ssh", "log"]) {
    await rm(join(vagrantFolder(cluster), part), { recursive: true, force: true });
  }
  await rm(recordsDir(cluster), { recursive: true, force: true });
}

async function readMachines(
  hypervisor: Hypervisor,
  cluster: ClusterRef,
): Promise<ReadonlyMap<string, MachineStatus>> {
  const records = await readRecords(cluster);
  const ids = await Promise.all(records.map((record) => machineUuid(cluster, record.name, hypervisor.name)));
  const seen = ids.some((id) => id !== undefined) ? await hypervisor.look() : nothing;
  const found = records.flatMap((record, position): [string, MachineStatus][] => {
    const status = statusOf(record, ids[position], seen);
    return status === undefined ? [] : [[record.name, status]];
  });
  return new Map(found);
}

async function stateOf(
  hypervisor: Hypervisor,
  cluster: ClusterRef,
  node: string,
): Promise<"running" | "stopped" | "absent"> {
  const id = await machineUuid(cluster, node, hypervisor.name);
  return id === undefined ? "absent" : stateIn(await hypervisor.look(), id);
}

async function note(
  { clock }: Workshop,
  cluster: ClusterRef,
  record: VmRecord,
  state: MachineStatus["state"],
): Promise<void> {
  await writeRecord(cluster, { ...record, power: { state, since: clock.now() } });
}

const capabilities: Capabilities = {
  powerCut: "guest",
  pause: false,
  // By each machine's own firewall, as for containers.
  partition: true,
  oneWayPartition: true,
  clockStep: true,
  diskFull: true,
  memoryLimit: true,
  cpuLimit: true,
};

const nothing: Inventory = { known: new Set(), running: new Set() };

function stateIn({ known, running }: Inventory, id: string): "running" | "stopped" | "absent" {
  if (running.has(id)) return "running";
  return known.has(id) ? "stopped" : "absent";
}

/** A machine that was made and is gone from the hypervisor does not exist; one that was never started is off. */
function statusOf(record: VmRecord, id: string | undefined, seen: Inventory): MachineStatus | undefined {
  const found = id === undefined ? "absent" : stateIn(seen, id);
  if (found === "absent" && record.made === "yes") return undefined;
  const state = found === "running" && record.made === "yes" ? "running" : "stopped";
  const since = record.power?.state === state ? { since: record.power.since } : {};
  return { state, address: record.address, ...since };
}

async function mustRead(cluster: ClusterRef, node: string): Promise<VmRecord> {
  const record = await readRecord(cluster, node);
  if (record === undefined) throw noMachine(node);
  return record;
}

async function writeUserData(cluster: ClusterRef, node: string, userData: string): Promise<void> {
  const file = userDataFile(cluster, node);
  await mkdir(join(file, ".."), { recursive: true });
  await writeAtomically(file, userData, { mode: 0o600 });
}
