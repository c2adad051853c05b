import { describe, expect, it } from "vitest";
import { parseHierarchies } from "./cgroups.ts";

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
