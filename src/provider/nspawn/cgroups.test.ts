import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cgroupAt, parseHierarchies } from "./cgroups.ts";

const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;

describe("the cgroup hierarchies of a host", () => {
  it("are one where the host uses version 2", () => {
    const at = "/sys/fs/cgroup";
    const found = parseHierarchies(`cgroup2 ${at} cgroup2 rw 0 0\n`, () => ["cpuset", "cpu", "memory"]);
    expect(found).toEqual({
      unified: at,
      mirrored: undefined,
      memory: { version: 2, at },
      cpu: { version: 2, at },
    });
  });

  it("are one for systemd and one per controller on a hybrid host", () => {
    expect(parseHierarchies(hybrid, () => ["hugetlb"])).toEqual({
      unified: "/sys/fs/cgroup/unified",
      mirrored: "/sys/fs/cgroup/systemd",
      memory: { version: 1, at: "/sys/fs/cgroup/memory" },
      cpu: { version: 1, at: "/sys/fs/cgroup/cpu,cpuacct" },
    });
  });

  it("say when memory cannot be limited", () => {
    const found = parseHierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", () => ["cpu"]);
    expect(found.memory).toBeUndefined();
  });

  it("say when there is no version 2 at all", () => {
    const found = parseHierarchies("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n", () => []);
    expect(found.unified).toBeUndefined();
  });
});

describe("a node's group", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "cgroup-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const read = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");
  const limits = { memory: 512, cpus: 1.5 };

  it("is limited in version 2's own terms", async () => {
    const both = { version: 2, at: root } as const;
    const group = cgroupAt({ unified: root, mirrored: undefined, memory: both, cpu: both }, "cluster/node");
    await group.create(limits);
    expect(read("cluster/node/memory.max")).toBe("536870912");
    expect(read("cluster/node/cpu.max")).toBe("150000 100000");
    expect(group.joins).toEqual([join(root, "cluster/node/cgroup.procs")]);
  });

  it("gets the controllers from every group above it", async () => {
    writeFileSync(join(root, "cgroup.controllers"), "memory\n");
    mkdirSync(join(root, "cluster"));
    writeFileSync(join(root, "cluster/cgroup.controllers"), "memory\n");
    const hierarchies = { unified: root, mirrored: undefined, memory: undefined, cpu: undefined };
    await cgroupAt(hierarchies, "cluster/node").create();
    expect(read("cgroup.subtree_control")).toBe("+memory");
    expect(read("cluster/cgroup.subtree_control")).toBe("+memory");
  });

  it("is limited in version 1's hierarchies, and joined in each", async () => {
    const [memory, cpu] = [join(root, "memory"), join(root, "cpu")];
    const hierarchies = {
      unified: join(root, "unified"),
      mirrored: undefined,
      memory: { version: 1, at: memory },
      cpu: { version: 1, at: cpu },
    } as const;
    const group = cgroupAt(hierarchies, "cluster/node");
    await group.create(limits);
    expect(read("memory/cluster/node/memory.limit_in_bytes")).toBe("536870912");
    expect(read("cpu/cluster/node/cpu.cfs_quota_us")).toBe("150000");
    expect(group.joins).toHaveLength(3);
  });
});
