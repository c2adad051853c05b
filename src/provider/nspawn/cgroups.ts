import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { waitFor } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { foldersOf, readIfExists } from "../../foundation/files.ts";
import { signalQuietly } from "../../foundation/signal.ts";

/** Where this host's cgroups are: one hierarchy (v2), several (v1), or both side by side (hybrid). */
export interface Hierarchies {
  /** The v2 hierarchy. systemd in a node lives here, whatever the host itself uses. */
  readonly unified: string | undefined;
  /** On hybrid hosts: version 1's hierarchy of systemd, in which systemd-nspawn mirrors the groups of the other. */
  readonly mirrored: string | undefined;
  /** What can be limited, and where. */
  readonly memory: Controller | undefined;
  readonly cpu: Controller | undefined;
}

export interface Controller {
  readonly version: 1 | 2;
  /** The mount point of its hierarchy. */
  readonly at: string;
}

export interface Limits {
  /** MiB */
  readonly memory: number;
  readonly cpus: number;
}

/** Reads the host's mounts. */
export function findHierarchies(): Hierarchies {
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  return parseHierarchies(mounts, (unified) => {
    const file = join(unified, "cgroup.controllers");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [];
  });
}

/** Pure: `mounts` as in /proc/mounts; `controllersOf` says what the v2 hierarchy at that place controls. */
export function parseHierarchies(
  mounts: string,
  controllersOf: (unified: string) => readonly string[],
): Hierarchies {
  const all = mounts.split("\n").map((line) => line.split(" "));
  const unified = all.find(([, , type]) => type === "cgroup2")?.[1];
  const mirrored = all.find(
    ([, , type, options]) => type === "cgroup" && options?.split(",").includes("name=systemd"),
  );
  const find = (name: string): Controller | undefined => {
    if (unified !== undefined && controllersOf(unified).includes(name)) return { version: 2, at: unified };
    const old = all.find(([, , type, options]) => type === "cgroup" && options?.split(",").includes(name));
    return old?.[1] === undefined ? undefined : { version: 1, at: old[1] };
  };
  return { unified, mirrored: mirrored?.[1], memory: find("memory"), cpu: find("cpu") };
}

/** The mount points in which a node needs a directory of its own, each once. */
function places(hierarchies: Hierarchies): string[] {
  const found = [hierarchies.unified, hierarchies.memory?.at, hierarchies.cpu?.at];
  return [...new Set(found.filter((place) => place !== undefined))];
}

/** One group of processes: a node, or a helper such as the mirror, in all hierarchies at once. */
export interface Cgroup {
  /** Files to write a process id to; it and all its descendants then belong to the group. */
  readonly joins: readonly string[];
  create(limits?: Limits): Promise<void>;
  /** Whether any process lives in it. */
  populated(): Promise<boolean>;
  /** Kills all of them at once and removes the group, with those below it. Idempotent. */
  end(clock: Clock): Promise<void>;
}

/** @param path below each hierarchy, e.g. `flotilla-1a2b3c4d/core-01` */
export function cgroupAt(hierarchies: Hierarchies, path: string): Cgroup {
  const dirs = places(hierarchies).map((place) => join(place, path));
  const unified = join(hierarchies.unified ?? "/sys/fs/cgroup/unified", path);
  const mirrored = hierarchies.mirrored === undefined ? [] : [join(hierarchies.mirrored, path)];
  const populated = async (): Promise<boolean> =>
    // A group that is removed while we read it (ENODEV) holds nothing either.
    (await readFile(join(unified, "cgroup.events"), "utf8").catch(() => "")).includes("populated 1");
  return {
    joins: dirs.map((dir) => join(dir, "cgroup.procs")),
    create: async (limits) => {
      for (const dir of dirs) await mkdir(dir, { recursive: true });
      await delegate(hierarchies, path);
      if (limits !== undefined) await limit(hierarchies, path, limits);
    },
    populated,
    end: async (clock) => {
      const gone = await waitFor(
        async () => {
          if (await populated()) await killAll(unified);
          if (await populated()) return undefined;
          // A process that was just being started may still have joined: then it is busy, and killed in the next round.
          return (await removeAll([...dirs, ...mirrored])) ? true : undefined;
        },
        { clock, every: 10, within: 20_000 },
      );
      if (gone !== undefined) return;
      throw new AppError("E_TIMEOUT", `processes in ${unified} survive being killed`, {
        hint: "one of them hangs in the kernel; see its state with 'ps', then run the same command again",
      });
    },
  };
}

/** Names of the groups directly below `path`. */
export async function groupsBelow(hierarchies: Hierarchies, path: string): Promise<string[]> {
  const found = await Promise.all(places(hierarchies).map((place) => foldersOf(join(place, path))));
  return [...new Set(found.flat())];
}

/** In v2 a controller reaches a group only when each group above passes it on. */
async function delegate(hierarchies: Hierarchies, path: string): Promise<void> {
  const unified = hierarchies.unified;
  if (unified === undefined) return;
  const parents = path.split("/").map((_, depth, parts) => join(unified, ...parts.slice(0, depth)));
  for (const parent of parents) {
    const available = ((await readIfExists(join(parent, "cgroup.controllers"))) ?? "").trim().split(" ");
    for (const controller of available.filter((name) => name !== "")) {
      // One at a time: a controller that cannot be passed on here must not take the others with it.
      await writeFile(join(parent, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
    }
  }
}

async function limit({ memory, cpu }: Hierarchies, path: string, limits: Limits): Promise<void> {
  const bytes = String(limits.memory * 1024 * 1024);
  const [quota, period] = [String(Math.round(limits.cpus * 100_000)), "100000"];
  if (memory?.version === 1) await writeFile(join(memory.at, path, "memory.limit_in_bytes"), bytes);
  if (memory?.version === 2) await writeFile(join(memory.at, path, "memory.max"), bytes);
  if (cpu?.version === 2) await writeFile(join(cpu.at, path, "cpu.max"), `${quota} ${period}`);
  if (cpu?.version === 1) {
    await writeFile(join(cpu.at, path, "cpu.cfs_period_us"), period);
    await writeFile(join(cpu.at, path, "cpu.cfs_quota_us"), quota);
  }
}

async function killAll(unified: string): Promise<void> {
  try {
    await writeFile(join(unified, "cgroup.kill"), "1");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "EACCES" && code !== "ENODEV") throw error;
    // Kernels before 5.14 have no cgroup.kill.
    for (const pid of await pidsBelow(unified)) signalQuietly(pid, "SIGKILL");
  }
}

async function pidsBelow(dir: string): Promise<number[]> {
  const text = await readFile(join(dir, "cgroup.procs"), "utf8").catch(() => "");
  const own = text.split("\n").filter((line) => line !== "");
  const below = await Promise.all((await foldersOf(dir)).map((child) => pidsBelow(join(dir, child))));
  return [...own.map(Number), ...below.flat()];
}

/** @returns false when a process still lives in one of them */
async function removeAll(dirs: readonly string[]): Promise<boolean> {
  try {
    for (const dir of dirs) await removeTree(dir);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
    throw error;
  }
}

async function removeTree(dir: string): Promise<void> {
  for (const child of await foldersOf(dir)) await removeTree(join(dir, child));
  try {
    await rmdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
