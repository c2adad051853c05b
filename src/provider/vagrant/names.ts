import { createHash } from "node:crypto";
import type { ClusterRef } from "../provider.ts";

/** What a cluster's things are called in the hypervisor. */
export interface VmNames {
  /** Before each machine's name, since all clusters of a host share one list of machines with everybody else. */
  readonly prefix: string;
  readonly network: string;
  /** At most 15 characters. */
  readonly bridge: string;
}

/** Always the same for the same folder. */
export function vmNames(cluster: Pick<ClusterRef, "name" | "dir">): VmNames {
  const id = createHash("sha256").update(`${cluster.dir}\0${cluster.name}`).digest("hex").slice(0, 8);
  return { prefix: `flotilla-${cluster.name}-${id}-`, network: `flotilla-${id}`, bridge: `flv-${id}` };
}

/** Whether a hypervisor's machine of this name was made by a cluster, of whatever folder. */
export function isClusterMachine(name: string): boolean {
  return /^flotilla-[a-z][a-z0-9-]*-[0-9a-f]{8}-./.test(name);
}
