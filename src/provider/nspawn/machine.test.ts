import { describe, expect, it } from "vitest";
import { startCommand } from "./machine.ts";
import { hostInterface, hostNames } from "./names.ts";
import type { NodeRecord } from "./record.ts";
import { nodePaths } from "./record.ts";

const node: NodeRecord = {
  version: 1,
  name: "core-02",
  index: 2,
  address: "192.168.56.12",
  prefix: 24,
  gateway: "192.168.56.1",
  machineId: "0".repeat(32),
  memory: 1024,
  cpus: 1,
  image: "image",
  layer: "layer",
};

function commandIn(stateDir: string): readonly string[] {
  const names = hostNames({ name: "demo", dir: "/home/me/demo" });
  return startCommand({
    names,
    node,
    paths: nodePaths({ stateDir }, node.name),
    layers: ["/cache/layer", "/cache/image"],
    joins: ["/cg/a/cgroup.procs", "/cg/b/cgroup.procs"],
    exitFile: "/run/x.exit",
  }).argv;
}

describe("the command that starts a node", () => {
  it("keeps the clock and the kernel's modules of the host out of its reach", () => {
    expect(commandIn("/s")).toContain("--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE");
  });

  it("stacks the node's own disk on the layers", () => {
    expect(commandIn("/s")).toContain(
      "lowerdir=/cache/layer:/cache/image,upperdir=/s/nodes/core-02/upper,workdir=/s/nodes/core-02/work",
    );
  });

  it("escapes what overlayfs and systemd-nspawn split at", () => {
    const argv = commandIn("/a,b:c");
    expect(argv.find((word) => word.startsWith("lowerdir="))).toContain("upperdir=/a\\,b:c/");
    expect(argv).toContain("--bind=/a,b\\:c/nodes/core-02/docker:/var/lib/docker");
  });

  it("names the machine so that its interface on the host has a legal name, also for the thousandth node", () => {
    const names = hostNames({ name: "a-very-long-name-for-a-cluster", dir: "/x" });
    expect(hostInterface(names, 1000).length).toBeLessThanOrEqual(16);
    expect(hostInterface(names, 254).length).toBeLessThanOrEqual(15);
  });
});
