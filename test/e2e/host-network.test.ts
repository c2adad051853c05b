import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { onHost, root, testCluster } from "../support/cluster.ts";

/** What nodes may reach beyond their cluster, and what happens where the host has no room or no name for one. */

const outside = `flotilla-outside-${process.pid}`;
let server: ChildProcess;

/** A network namespace that plays the Internet: one web server at 198.51.100.2, reached from here over a cable. */
beforeAll(async () => {
  const script = `set -e
    ip netns add ${outside}
    ip link add out${process.pid} type veth peer name eth0 netns ${outside}
    ip addr add 198.51.100.1/24 dev out${process.pid} && ip link set out${process.pid} up
    nsenter --net=/run/netns/${outside} ip addr add 198.51.100.2/24 dev eth0
    nsenter --net=/run/netns/${outside} ip link set eth0 up`;
  const made = await onHost("bash", ["-c", script]);
  if (made.code !== 0) throw new Error(made.stderr);
  const program = `require("node:http").createServer((_, out) => out.end("the world")).listen(80, () => console.log("ready"))`;
  server = spawn("nsenter", [`--net=/run/netns/${outside}`, process.execPath, "-e", program]);
  await once(server.stdout ?? server, "data");
});
afterAll(async () => {
  server.kill();
  await onHost("ip", ["netns", "del", outside]);
});

const single = { machines: { count: 1 }, services: [] };
const look = "curl -sS -m 2 http://198.51.100.2/";

describe("network.internet", () => {
  it("lets nodes out behind the host's address when it is true", async () => {
    await using cluster = await testCluster({
      example: "demo",
      change: { ...single, network: { internet: true } },
    });
    await cluster.must("up");
    expect(await cluster.on("core-01", look)).toBe("the world");
  });

  it("keeps them in when it is false", async () => {
    await using cluster = await testCluster({
      example: "demo",
      change: { ...single, network: { internet: false } },
    });
    await cluster.must("up");
    expect((await cluster.try("core-01", look)).code).not.toBe(0);
    expect(await cluster.on("core-01", "docker run --rm busybox echo mirror")).toBe("mirror");
  });
});

describe("a host that is taken", () => {
  it("is told when somebody else's bridge has the name, and that bridge is left alone", async () => {
    await using cluster = await testCluster({ example: "demo", change: single });
    const { bridge } = hostNames({ name: "demo", dir: cluster.dir });
    await onHost("ip", ["link", "add", bridge, "type", "bridge"]);
    try {
      const refused = await cluster.run("up");
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain(bridge);
      await cluster.must("destroy");
      expect((await onHost("ip", ["link", "show", bridge])).code).toBe(0);
    } finally {
      await onHost("ip", ["link", "del", bridge]);
    }
  });

  it("is told when the disk is full, and nothing is half-made", async () => {
    const dir = await mkdtemp(join(tmpdir(), "flotilla-full-"));
    await onHost("mount", ["-t", "tmpfs", "-o", "size=4m", "none", dir]);
    try {
      await cp(join(root, "clusters/demo"), dir, { recursive: true });
      const refused = await onHost(process.execPath, [join(root, "dist/cluster.js"), "--cluster", dir, "up"]);
      expect(refused.code).toBe(4);
      expect(refused.stderr).toMatch(/room|space/);
      const { id } = hostNames({ name: "demo", dir });
      expect(
        (await onHost("bash", ["-c", `ip -o link | grep ${id}; ls /run/flotilla | grep ${id}`])).stdout,
      ).toBe("");
    } finally {
      await onHost("umount", [dir]);
      await rm(dir, { recursive: true, force: true });
    }
  });
});
