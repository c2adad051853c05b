import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import type { ClusterRef, MachineStatus } from "../provider.ts";

/**
 * What we remember of a machine that Vagrant makes. It exists from `create` on, its virtual machine from the first
 * `start` on: Vagrant cannot make one without starting it.
 */
export interface VmRecord {
  readonly version: 1;
  readonly name: string;
  readonly address: string;
  /** `no` while its first `vagrant up` has not ended well: such a machine is thrown away and made again. */
  readonly made: "no" | "yes";
  /** Its user-data has changed since Vagrant brought it there: the next start brings it. */
  readonly pending: boolean;
  /** What we did last, and when (wall-clock ms). */
  readonly power?: { readonly state: MachineStatus["state"]; readonly since: number };
}

/** The folder in which `vagrant` works; the same one that `cluster render` writes. */
export function vagrantFolder(cluster: Pick<ClusterRef, "dir">): string {
  return join(cluster.dir, "vagrant");
}

/** Where a machine's cloud-config lies for Vagrant. */
export function userDataFile(cluster: Pick<ClusterRef, "dir">, node: string): string {
  return join(vagrantFolder(cluster), "cloud-config", `${node}.yaml`);
}

/** Where the hypervisor writes a machine's console. */
export function consoleFile(cluster: Pick<ClusterRef, "dir">, node: string): string {
  return join(vagrantFolder(cluster), "log", `${node}-serial.txt`);
}

/** Vagrant's own note of the hypervisor's id of a machine; undefined when it knows of none. */
export async function machineUuid(
  cluster: Pick<ClusterRef, "dir">,
  node: string,
  provider: string,
): Promise<string | undefined> {
  const file = join(vagrantFolder(cluster), ".vagrant", "machines", node, provider, "id");
  const id = (await readIfExists(file))?.trim();
  return id === "" ? undefined : id;
}

export function recordsDir(cluster: Pick<ClusterRef, "stateDir">): string {
  return join(cluster.stateDir, "vagrant");
}

export async function readRecord(
  cluster: Pick<ClusterRef, "stateDir">,
  node: string,
): Promise<VmRecord | undefined> {
  const text = await readIfExists(join(recordsDir(cluster), `${node}.json`));
  return text === undefined ? undefined : (JSON.parse(text) as VmRecord);
}

export async function readRecords(cluster: Pick<ClusterRef, "stateDir">): Promise<readonly VmRecord[]> {
  const names = await readdir(recordsDir(cluster)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const nodes = names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
  const records = await Promise.all(nodes.toSorted().map((node) => readRecord(cluster, node)));
  return records.filter((record) => record !== undefined);
}

export async function writeRecord(cluster: Pick<ClusterRef, "stateDir">, record: VmRecord): Promise<void> {
  await mkdir(recordsDir(cluster), { recursive: true });
  await writeAtomically(join(recordsDir(cluster), `${record.name}.json`), `${JSON.stringify(record)}\n`);
}

export async function removeRecord(cluster: Pick<ClusterRef, "stateDir">, node: string): Promise<void> {
  await rm(join(recordsDir(cluster), `${node}.json`), { force: true });
}
