import type { ProviderName } from "../spec/model.ts";
import type { DiskFacts, HostFacts, LimitFacts } from "./facts.ts";
import type { HostWindow } from "./host-window.ts";

/** Memory, disks and the kernel's limits. */
export async function gatherLimits(
  host: HostWindow,
  providers: readonly ProviderName[],
): Promise<Pick<HostFacts, "memory" | "disks" | "limits" | "cgroup">> {
  const linux = host.platform === "linux";
  const [memory, disks, limits, cgroup] = await Promise.all([
    readMemory(host),
    readDisks(host, providers),
    linux ? readLimits(host) : { inotifyInstances: undefined, inotifyWatches: undefined, files: undefined },
    linux ? readCgroup(host) : undefined,
  ]);
  return { memory, disks, limits, cgroup };
}

/** What a Mac calls free says little about what it would give up; Linux has a better figure than Node gives. */
async function readMemory(host: HostWindow): Promise<HostFacts["memory"]> {
  const { total, free } = host.memory();
  if (host.platform === "win32") return { total, available: free };
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec((await host.read("/proc/meminfo")) ?? "")?.[1];
  return { total, available: kibibytes === undefined ? undefined : Math.round(Number(kibibytes) / 1024) };
}

/** Where boxes and machines' disks go; nspawn's own check looks at the cluster's folder. */
async function readDisks(
  host: HostWindow,
  providers: readonly ProviderName[],
): Promise<readonly DiskFacts[]> {
  const paths = new Set<string>();
  if (providers.includes("virtualbox")) paths.add(host.home);
  if (providers.includes("libvirt")) paths.add(host.home).add("/var/lib/libvirt/images");
  const all = await Promise.all([...paths].map(async (path) => ({ path, free: await host.freeDisk(path) })));
  return all.flatMap(({ path, free }) => (free === undefined ? [] : [{ path, free }]));
}

async function readLimits(host: HostWindow): Promise<LimitFacts> {
  const [instances, watches, files] = await Promise.all([
    host.read("/proc/sys/fs/inotify/max_user_instances"),
    host.read("/proc/sys/fs/inotify/max_user_watches"),
    host.read("/proc/sys/fs/file-nr"),
  ]);
  const [used, , max] = (files ?? "").trim().split(/\s+/).map(Number);
  return {
    inotifyInstances: numberIn(instances),
    inotifyWatches: numberIn(watches),
    files: used === undefined || max === undefined ? undefined : { used, max },
  };
}

async function readCgroup(host: HostWindow): Promise<HostFacts["cgroup"]> {
  const mounts = await host.read("/proc/self/mounts");
  if (mounts === undefined) return undefined;
  const types = new Set(mounts.split("\n").map((line) => line.split(" ")[2]));
  if (types.has("cgroup2")) return types.has("cgroup") ? "hybrid" : "v2";
  return types.has("cgroup") ? "v1" : undefined;
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.trim());
}
