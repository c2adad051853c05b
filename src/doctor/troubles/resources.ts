import type { Purpose, Trouble } from "../finding.ts";

/** MiB that a machine's box and first writes take on a disk; below the first figure it fails, below the second it soon will. */
const diskPerMachine = { least: 1024, comfortable: 3072 };
/** MiB for the box itself, once. */
const diskOnce = 1024;
/** inotify instances that the host's own programs use, and that one nspawn machine adds to the same user. */
const inotify = { host: 64, perMachine: 10, watches: 8192 };
/** Our own clock can be wrong; nobody runs this before it was written. */
const written = Date.UTC(2026, 0, 1);
/** ms */
const tolerableSkew = 5_000;

/** Memory, disk, limits and the clock, measured against what the cluster is to be. */
export const resourceTroubles: readonly Trouble[] = [
  {
    id: "memory",
    severity: "warning",
    title: "the machines are given more memory than this host can spare",
    providers: ["virtualbox", "libvirt"],
    fix: "lower machines.memory or machines.count in cluster.yaml, or close other programs",
    see: ({ memory }, purpose) => {
      const planned = purpose.cluster.machines.reduce((sum, machine) => sum + machine.memory, 0);
      const evidence = `${purpose.cluster.machines.length} machines get ${planned} MiB`;
      if (planned > memory.total)
        return { severity: "error", evidence: `${evidence}; this host has ${memory.total}` };
      const { available } = memory;
      return available !== undefined && planned > available
        ? { evidence: `${evidence}; of this host's ${memory.total}, ${available} are free` }
        : undefined;
    },
  },
  {
    id: "disk",
    severity: "warning",
    title: "the disk is nearly full",
    providers: ["virtualbox", "libvirt"],
    fix: "free some space; old boxes go with 'vagrant box prune'",
    see: ({ disks }, purpose) => {
      const tight = disks.filter(({ free }) => free < room(purpose, diskPerMachine.comfortable));
      if (tight.length === 0) return undefined;
      const full = tight.some(({ free }) => free < room(purpose, diskPerMachine.least));
      const evidence = tight.map(({ path, free }) => `${path} has ${free} MiB left`).join(", ");
      return { severity: full ? "error" : "warning", evidence };
    },
  },
  {
    id: "inotify-limit",
    severity: "warning",
    title: "too few inotify instances: programs in the machines fail with 'too many open files'",
    providers: ["nspawn"],
    fix: "echo 'fs.inotify.max_user_instances=1024' | sudo tee /etc/sysctl.d/60-inotify.conf && sudo sysctl --system",
    see: ({ limits: { inotifyInstances } }, { cluster }) => {
      const needed = inotify.host + inotify.perMachine * cluster.machines.length;
      return inotifyInstances !== undefined && inotifyInstances < needed
        ? { evidence: `fs.inotify.max_user_instances is ${inotifyInstances}; about ${needed} are needed` }
        : undefined;
    },
  },
  {
    id: "inotify-watches",
    severity: "warning",
    title: "too few inotify watches: systemd in the machines reports 'no space left on device'",
    providers: ["nspawn"],
    fix: "echo 'fs.inotify.max_user_watches=524288' | sudo tee /etc/sysctl.d/60-inotify.conf && sudo sysctl --system",
    see: ({ limits: { inotifyWatches } }) =>
      inotifyWatches !== undefined && inotifyWatches < inotify.watches
        ? { evidence: `fs.inotify.max_user_watches is ${inotifyWatches}` }
        : undefined,
  },
  {
    id: "open-files",
    severity: "warning",
    title: "this host is about to run out of open files",
    fix: "find out who holds them (sudo lsof), or raise fs.file-max",
    see: ({ limits: { files } }) =>
      files !== undefined && files.used > files.max * 0.9
        ? { evidence: `${files.used} of ${files.max} are open` }
        : undefined,
  },
  {
    id: "cgroup-v1",
    severity: "error",
    title: "there is no cgroup v2 hierarchy, which systemd in the machines needs",
    providers: ["nspawn"],
    fix: "sudo mkdir -p /sys/fs/cgroup/unified && sudo mount -t cgroup2 none /sys/fs/cgroup/unified",
    see: ({ cgroup }) =>
      cgroup === "v1" ? { evidence: "/proc/self/mounts names cgroup, but no cgroup2" } : undefined,
  },
  {
    id: "clock",
    severity: "warning",
    title: "this host's clock is wrong: certificates, etcd and logs will not agree with the world",
    fix: "sudo timedatectl set-ntp true",
    see: ({ clock }) => {
      if (clock.now < written) return { evidence: `it says ${new Date(clock.now).toISOString()}` };
      const { windowsAhead } = clock;
      if (windowsAhead === undefined || Math.abs(windowsAhead) < tolerableSkew) return undefined;
      const seconds = Math.round(windowsAhead / 1000);
      return {
        evidence: `Windows is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} this Linux`,
        fix: "in PowerShell: wsl --shutdown; or here: sudo hwclock -s",
      };
    },
  },
];

function room({ cluster }: Purpose, perMachine: number): number {
  return diskOnce + perMachine * cluster.machines.length;
}
