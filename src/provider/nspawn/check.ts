import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Exec } from "../../foundation/exec.ts";
import { readIfExists } from "../../foundation/files.ts";
import type { ClusterPlan, Lack } from "../provider.ts";
import type { Hierarchies } from "./cgroups.ts";
import { hostNames } from "./names.ts";
import type { HostAddress, HostRoute } from "./occupied.ts";
import { listensEverywhere, subnetUsers } from "./occupied.ts";
import { parseSubnet } from "./subnet.ts";

export interface CheckOptions {
  readonly exec: Exec;
  readonly hierarchies: Hierarchies;
  readonly uid: number;
  /** Whether the node image has still to be built. */
  readonly imageMissing: boolean;
}

/** Programs that we run, and Debian's packages that have them. */
const programs: readonly [program: string, debianPackage: string, when?: "mirror" | "image"][] = [
  ["systemd-nspawn", "systemd-container"],
  ["ip", "iproute2"],
  ["nft", "nftables"],
  ["unshare", "util-linux"],
  ["docker-registry", "docker-registry", "mirror"],
  ["busybox", "busybox-static", "mirror"],
  ["mmdebstrap", "mmdebstrap", "image"],
];

/** File systems on which overlayfs cannot keep a node's disk, by the number that statfs gives. */
const unfit: ReadonlyMap<number, string> = new Map([
  [0x794c7630, "overlayfs"],
  [0x6969, "NFS"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x4d44, "FAT"],
]);

/** Room for the nodes' own disks to begin with, bytes. */
const nodeRoom = 500_000_000;

/** Everything that stands in the way of running the cluster's nodes here. Reads only; takes some ten ms. */
export async function checkHost(options: CheckOptions, cluster: ClusterPlan): Promise<readonly Lack[]> {
  if (process.platform !== "linux") {
    return [lack("Linux", "system containers exist on Linux only; use --provider virtualbox")];
  }
  const found = await Promise.all([
    checkRights(options),
    checkPrograms(options, cluster),
    checkNetwork(options.exec, cluster),
    checkDisk(cluster),
  ]);
  return found.flat();
}

async function checkRights({ uid, hierarchies }: CheckOptions): Promise<Lack[]> {
  const lacks: Lack[] = [];
  if (uid !== 0) lacks.push(lack("the rights of root", "run the same command with sudo"));
  if (hierarchies.unified === undefined) {
    lacks.push({
      id: "cgroup-v1",
      ...lack(
        "a mounted cgroup v2 hierarchy",
        "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
      ),
    });
  }
  if (!((await readIfExists("/proc/filesystems")) ?? "").includes("\toverlay\n")) {
    lacks.push(lack("the overlay file system", "modprobe overlay"));
  }
  return lacks;
}

async function checkPrograms(options: CheckOptions, cluster: ClusterPlan): Promise<Lack[]> {
  const needed = programs.filter(
    ([, , when]) =>
      when === undefined || (when === "mirror" ? cluster.spec.docker.mirror : options.imageMissing),
  );
  const script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done';
  const { stdout, missing: noShell } = await options.exec.run({
    argv: ["sh", "-c", script, "sh", ...needed.map(([name]) => name)],
  });
  const missing = new Set(stdout.split("\n"));
  return needed
    .filter(([name]) => noShell || missing.has(name))
    .map(([name, debianPackage]) => lack(`the program ${name}`, `apt-get install ${debianPackage}`));
}

async function checkNetwork(exec: Exec, cluster: ClusterPlan): Promise<Lack[]> {
  const [names, subnet] = [hostNames(cluster), parseSubnet(cluster.spec.network.subnet)];
  const [addresses, bridges, routes, tcp, tcp6] = await Promise.all([
    exec.run({ argv: ["ip", "-json", "address"] }),
    // `ip address` does not tell aliases.
    exec.run({ argv: ["ip", "-json", "link", "show", "type", "bridge"] }),
    exec.run({ argv: ["ip", "-json", "-4", "route"] }),
    readIfExists("/proc/net/tcp"),
    readIfExists("/proc/net/tcp6"),
  ]);
  if (addresses.code !== 0 || routes.code !== 0) return [];
  const links = JSON.parse(addresses.stdout) as HostAddress[];
  const busy = subnetUsers(subnet, names.bridge, links, JSON.parse(routes.stdout) as HostRoute[]).map(
    (what): Lack => ({
      id: "subnet-in-use",
      code: "E_IN_USE",
      what: `the network ${subnet.cidr} is in use on this host: ${what}`,
      hint: "give network.subnet in cluster.yaml another value, for example 192.168.77.0/24",
    }),
  );
  const aliases = JSON.parse(bridges.stdout || "[]") as Pick<HostAddress, "ifname" | "ifalias">[];
  const bridge = aliases.find(({ ifname }) => ifname === names.bridge);
  const foreign = links.some(({ ifname }) => ifname === names.bridge) && bridge?.ifalias !== names.alias;
  if (foreign) {
    busy.push({
      code: "E_IN_USE",
      what: `the network interface ${names.bridge} belongs to something else`,
      hint: `see it with 'ip link show ${names.bridge}'; remove it if nothing needs it`,
    });
  }
  if (cluster.spec.docker.mirror && listensEverywhere(`${tcp ?? ""}\n${tcp6 ?? ""}`, 5000)) {
    busy.push({
      code: "E_IN_USE",
      what: "port 5000, which the registry mirror needs, is taken on all addresses of this host",
      hint: "see by whom with 'ss -ltnp sport = :5000'; or set docker.mirror: false in cluster.yaml",
    });
  }
  return busy;
}

async function checkDisk(cluster: ClusterPlan): Promise<Lack[]> {
  const place = nearestExisting(cluster.stateDir);
  const { type, bavail, bsize } = await statfs(place);
  const lacks: Lack[] = [];
  const kind = unfit.get(type);
  if (kind !== undefined) {
    lacks.push(
      lack(`a disk for the nodes: ${place} is on ${kind}`, "put the cluster's folder on a local disk"),
    );
  }
  if (bavail * bsize < nodeRoom) {
    lacks.push({
      code: "E_DISK_FULL",
      what: `room for the nodes' disks: ${place} has ${Math.round((bavail * bsize) / 1e6)} MB left, 500 MB are needed`,
      hint: "free some space ('cluster image prune' removes old images)",
    });
  }
  return lacks;
}

function nearestExisting(path: string): string {
  return existsSync(path) || path === "/" ? path : nearestExisting(dirname(path));
}

function lack(what: string, hint: string): Lack {
  return { code: "E_HOST_LACKS", what, hint };
}
