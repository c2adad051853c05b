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
import { checkVagrant, vagrant } from "./vagrant.ts";

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
  const imports = oneAfterTheOther();
  const removals = oneAfterTheOther();

  const note = async (cluster: ClusterRef, record: VmRecord, state: MachineStatus["state"]): Promise<void> =>
    await writeRecord(cluster, { ...record, power: { state, since: clock.now() } });

  const stateOf = async (cluster: ClusterRef, node: string): Promise<"running" | "stopped" | "absent"> => {
    const id = await machineUuid(cluster, node, name);
    return id === undefined ? "absent" : stateIn(await hypervisor.look(), id);
  };

  /** The first `vagrant up` of a machine. A hypervisor that makes one at a time is asked for the next when this one has its id. */
  const make = async (cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> => {
    const up = ["up", node, "--provider", name];
    if (hypervisor.parallel) return void (await tool.run(cluster, up, signal));
    await imports(async (done) => {
      const ended = tool.run(cluster, up, signal);
      const over = new AbortController();
      const imported = untilImported(cluster, node, AbortSignal.any([signal, over.signal])).catch(
        () => undefined,
      );
      void imported.then(done);
      await ended.finally(() => over.abort());
    });
  };
  const untilImported = async (cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> => {
    while ((await machineUuid(cluster, node, name)) === undefined) await clock.sleep(250, signal);
  };
  /** One after the other: whoever removes the last machine removes the network that all machines share, and two would try. */
  const remove = async (cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> => {
    await removals(async () => {
      signal.throwIfAborted();
      if ((await machineUuid(cluster, node, name)) !== undefined)
        await tool.run(cluster, ["destroy", "-f", node], signal);
      await rm(join(vagrantFolder(cluster), ".vagrant", "machines", node), { recursive: true, force: true });
    });
  };

  /** Brings the machine up, whatever there is of it; `again` when an earlier try may have got as far as booting it. */
  const bringUp = async (
    cluster: ClusterRef,
    record: VmRecord,
    again: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    const node = record.name;
    const state = await stateOf(cluster, node);
    if (record.made === "yes" && state === "running" && !again) return;
    if (record.made === "no" || state === "absent") {
      // What an interrupted first start left has neither its network nor its cloud-config, and Vagrant would not see that.
      await writeRecord(cluster, { ...record, made: "no" });
      await remove(cluster, node, signal);
      await make(cluster, node, signal);
    } else {
      await tool.run(cluster, ["up", node, record.pending ? "--provision" : "--no-provision"], signal);
    }
    await note(cluster, { ...record, made: "yes", pending: false }, "running");
  };

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
    machines: async (cluster) => {
      const records = await readRecords(cluster);
      const ids = await Promise.all(records.map((record) => machineUuid(cluster, record.name, name)));
      const seen = ids.some((id) => id !== undefined) ? await hypervisor.look() : nothing;
      const found = records.flatMap((record, position): [string, MachineStatus][] => {
        const status = statusOf(record, ids[position], seen);
        return status === undefined ? [] : [[record.name, status]];
      });
      return new Map(found);
    },
    create: async (cluster, { machine, userData }, signal) => {
      signal.throwIfAborted();
      if ((await readRecord(cluster, machine.name)) !== undefined) return;
      await remove(cluster, machine.name, signal);
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
    start: async (cluster, node, signal) => {
      signal.throwIfAborted();
      try {
        await bringUp(cluster, await mustRead(cluster, node), false, signal);
      } catch (error) {
        // Two threads of one Vagrant can lock each other out while a slow machine boots. Somebody else's stays locked.
        if (!isAppError(error, "E_LOCKED")) throw error;
        await bringUp(cluster, await mustRead(cluster, node), true, signal);
      }
    },
    halt: async (cluster, node, signal) => {
      const record = await readRecord(cluster, node);
      if (record === undefined || (await stateOf(cluster, node)) !== "running") return;
      await tool.run(cluster, ["halt", node], signal);
      await note(cluster, record, "stopped");
    },
    kill: async (cluster, node, signal) => {
      const record = await readRecord(cluster, node);
      const id = await machineUuid(cluster, node, name);
      if (record === undefined || id === undefined) return;
      if (stateIn(await hypervisor.look(), id) !== "running") return;
      await hypervisor.powerOff(id, signal);
      await note(cluster, record, "stopped");
    },
    destroy: async (cluster, node, signal) => {
      await remove(cluster, node, signal);
      for (const file of [userDataFile(cluster, node), consoleFile(cluster, node)])
        await rm(file, { force: true });
      await removeRecord(cluster, node);
    },
    dispose: async (cluster, signal) => {
      for (const { name: node } of await readRecords(cluster)) {
        await remove(cluster, node, signal);
        await removeRecord(cluster, node);
      }
      await options.attendant?.dismiss(cluster);
      await hypervisor.dispose(cluster, signal);
      // Vagrantfile and config.rb stay: somebody may have worked on them. What opens machines that are gone does not.
      for (const part of [".vagrant", "cloud-config", "ssh", "log"]) {
        await rm(join(vagrantFolder(cluster), part), { recursive: true, force: true });
      }
      await rm(recordsDir(cluster), { recursive: true, force: true });
    },
    console: (cluster, node, how) => consoleLines(consoleFile(cluster, node), clock, how),
  };
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

/** A queue of one: the next begins when the one before it says so, or ends. */
function oneAfterTheOther(): (work: (done: () => void) => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return async (work) => {
    const before = last;
    let free: () => void = () => undefined;
    last = new Promise((resolve) => {
      free = resolve;
    });
    await before;
    try {
      await work(free);
    } finally {
      free();
    }
  };
}
