import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ClusterRef } from "../provider.ts";

/** What we call things on the host, so that each can be found again and none is taken for somebody else's. */
export interface HostNames {
  /** Eight hex digits that tell this cluster from one of the same name in another folder. */
  readonly id: string;
  readonly bridge: string;
  /** Written on the bridge; a bridge without it is not ours. */
  readonly alias: string;
  /** An nftables table of family inet. */
  readonly table: string;
  /** Under each cgroup hierarchy. */
  readonly cgroup: string;
  /** Sockets and other things that do not outlive a reboot of the host. Short: unix paths end at 108 bytes. */
  readonly runtimeDir: string;
  readonly socket: string;
}

/** The names of a cluster; always the same for the same folder. */
export function hostNames(cluster: Pick<ClusterRef, "name" | "dir">): HostNames {
  const id = createHash("sha256").update(`${cluster.dir}\0${cluster.name}`).digest("hex").slice(0, 8);
  const runtimeDir = join("/run/flotilla", `${cluster.name.slice(0, 40)}-${id}`);
  return {
    id,
    bridge: `fl-${id}`,
    alias: `flotilla:${cluster.name}`,
    table: `flotilla_${id}`,
    cgroup: `flotilla-${id}`,
    runtimeDir,
    socket: join(runtimeDir, "supervisor.sock"),
  };
}

/** What systemd-nspawn calls the machine: unique on the host, and short enough that `vb-NAME` is an interface name. */
export function nspawnName(names: HostNames, index: number): string {
  return `${names.id}-${String(index).padStart(2, "0")}`;
}

/** The host's end of the node's network cable, as systemd-nspawn names it. */
export function hostInterface(names: HostNames, index: number): string {
  return `vb-${nspawnName(names, index)}`;
}

/** The bridge's own hardware address; without one it would change as nodes come and go, and neighbours would lose it. */
export function bridgeMac(names: HostNames): string {
  return ["02", "f1", ...(names.id.match(/../g) ?? [])].join(":");
}
