import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists } from "../../foundation/files.ts";
import type { NodePlan } from "../provider.ts";
import type { NodePaths, NodeRecord } from "./record.ts";

/** Where the node finds its cloud-config. */
const userDataPath = "var/lib/flotilla/user-data";

/** Lays out the files that make a node this node; they are copied onto its disk at each boot. */
export async function writeSeed(paths: NodePaths, record: NodeRecord, plan: NodePlan): Promise<void> {
  const files: readonly [path: string, content: string, mode: number][] = [
    [userDataPath, plan.userData, 0o600],
    ["etc/machine-id", `${record.machineId}\n`, 0o444],
    ["etc/hostname", `${record.name}\n`, 0o644],
    ["etc/systemd/network/10-host0.network", networkFile(record), 0o644],
  ];
  for (const [path, content, mode] of files) {
    const full = join(paths.seed, path);
    await mkdir(join(full, ".."), { recursive: true });
    // Not worth a wait for the disk: the record that makes the node exist is written after it, and that one waits.
    await writeFile(full, content, { mode });
    await chmod(full, mode);
  }
  // The seed's folders lend their permissions to the node's: they must be what a Debian has.
  for (const folder of [
    ".",
    "var",
    "var/lib",
    "var/lib/flotilla",
    "etc",
    "etc/systemd",
    "etc/systemd/network",
  ]) {
    await chmod(join(paths.seed, folder), 0o755);
  }
}

/**
 * The name servers of the host, as they are now; a laptop's change from place to place. None while the host itself has no
 * way out: a query that nobody can answer would hang for ten seconds, and `docker pull` makes one before it asks our mirror.
 */
export async function writeResolvConf(paths: NodePaths, internet: boolean): Promise<void> {
  const wayOut = internet && hasDefaultRoute((await readIfExists("/proc/net/route")) ?? "");
  const texts = await Promise.all(
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"].map(
      async (path) => (await readIfExists(path)) ?? "",
    ),
  );
  await writeFile(join(paths.seed, "etc/resolv.conf"), resolvConf(wayOut ? texts : []));
}

/** Pure: `table` as in /proc/net/route. */
export function hasDefaultRoute(table: string): boolean {
  return table.split("\n").some((line) => /^\S+\t00000000\t/.test(line));
}

/** Pure: the first of these files that names a server other than the host itself, which a node cannot reach. */
export function resolvConf(candidates: readonly string[]): string {
  for (const text of candidates) {
    const lines = text.split("\n").filter((line) => /^(nameserver|search|options)\s/.test(line));
    const usable = lines.filter((line) => !/^nameserver\s+(127\.|::1)/.test(line));
    if (!usable.some((line) => line.startsWith("nameserver"))) continue;
    // Docker looks the name of its hub up at each pull, also when our mirror has the image: not for ten seconds.
    return [...usable, "options timeout:1 attempts:2", ""].join("\n");
  }
  return "# this cluster has no name server\n";
}

/** Static: no DHCP server is needed, and the address is there 0.1 s after the power. */
function networkFile(record: NodeRecord): string {
  return `[Match]
Name=host0

[Link]
RequiredForOnline=no

[Network]
Address=${record.address}/${record.prefix}
Gateway=${record.gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
`;
}
