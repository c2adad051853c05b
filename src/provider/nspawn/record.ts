import { join } from "node:path";
import { foldersOf, readIfExists, writeAtomically } from "../../foundation/files.ts";
import type { ClusterRef } from "../provider.ts";

/** What a node is made of; written when it is created and whenever it is provisioned. */
export interface NodeRecord {
  readonly version: 1;
  readonly name: string;
  readonly index: number;
  readonly address: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly machineId: string;
  /** MiB */
  readonly memory: number;
  readonly cpus: number;
  /** Content hashes of the read-only layers below the node's own disk. */
  readonly image: string;
  readonly layer: string;
}

/** Where a node's things lie, all below the cluster's state folder. */
export interface NodePaths {
  readonly dir: string;
  readonly record: string;
  /** Its own disk: the upper directory of the overlay, and the work directory that overlayfs wants beside it. */
  readonly upper: string;
  readonly work: string;
  /** Where the overlay is mounted, in the node's own mount namespace only. */
  readonly root: string;
  /** Docker's data, outside of the overlay (docker cannot stack its own on top). */
  readonly docker: string;
  /** Files that are copied onto the disk at each boot. */
  readonly seed: string;
  readonly console: string;
}

export function nodePaths(cluster: Pick<ClusterRef, "stateDir">, node: string): NodePaths {
  const dir = join(nodesDir(cluster), node);
  return {
    dir,
    record: join(dir, "node.json"),
    upper: join(dir, "upper"),
    work: join(dir, "work"),
    root: join(dir, "root"),
    docker: join(dir, "docker"),
    seed: join(dir, "seed"),
    console: join(cluster.stateDir, "logs", `${node}.console.log`),
  };
}

export function nodesDir(cluster: Pick<ClusterRef, "stateDir">): string {
  return join(cluster.stateDir, "nodes");
}

/** The node's record, or undefined when there is no such node. */
export async function readNode(
  cluster: Pick<ClusterRef, "stateDir">,
  node: string,
): Promise<NodeRecord | undefined> {
  const text = await readIfExists(nodePaths(cluster, node).record);
  return text === undefined ? undefined : (JSON.parse(text) as NodeRecord);
}

/** Every node that exists, in the order of their index. A folder without a record is half-made and does not count. */
export async function readNodes(cluster: Pick<ClusterRef, "stateDir">): Promise<NodeRecord[]> {
  const names = await foldersOf(nodesDir(cluster));
  const records = await Promise.all(names.map((name) => readNode(cluster, name)));
  return records.filter((record) => record !== undefined).toSorted((a, b) => a.index - b.index);
}

/** Writes the record, and with it makes the node exist. */
export async function writeNode(cluster: Pick<ClusterRef, "stateDir">, record: NodeRecord): Promise<void> {
  await writeAtomically(nodePaths(cluster, record.name).record, `${JSON.stringify(record, undefined, 2)}\n`);
}
