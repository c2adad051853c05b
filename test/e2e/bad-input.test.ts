import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { onHost, root, type Output } from "../support/cluster.ts";

/** What a user gets who makes a mistake: what, where, how to solve it, the right exit code, and nothing half-made. */

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "flotilla-bad-"));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

const cluster = (...args: string[]): Promise<Output> =>
  onHost(process.execPath, [join(root, "dist/cluster.js"), "--cluster", dir, ...args]);

const withSpec = (text: string): Promise<void> => writeFile(join(dir, "cluster.yaml"), text);

const madeNothing = async (): Promise<void> => {
  const bridges = await onHost("bash", ["-c", "ip -o link show type bridge | grep -c ' fl-'"]);
  expect(bridges.stdout).toBe("0");
};

describe("a cluster.yaml with mistakes", () => {
  it("is refused with every problem at its line and column, and the nearest valid key", async () => {
    await withSpec(
      "version: 1\nname: bad\nmachines:\n  cout: 3\n  memory: lots\nnetwork:\n  subnet: nonsense\n",
    );
    const refused = await cluster("validate");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/cluster\.yaml:4:3.*cout/);
    expect(refused.stderr).toContain("count");
    expect(refused.stderr).toMatch(/cluster\.yaml:5:\d+/);
    expect(refused.stderr).toMatch(/cluster\.yaml:7:\d+/);
  });

  it.each([
    ["no machines", "machines: {count: 0}"],
    ["a proxy without scheme", "proxy: {http: 'proxy.example:3128'}"],
    ["a duplicate key", "machines: {count: 1}\nmachines: {count: 2}"],
    ["an override for nobody", "machines: {count: 1, overrides: {core-09: {memory: 2048}}}"],
    ["a discovery that is none", "etcd: {discovery: sometimes}"],
  ])("is refused before anything is made: %s", async (_, lines) => {
    await withSpec(`version: 1\nname: bad\n${lines}\n`);
    const refused = await cluster("up");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/cluster\.yaml:\d+:\d+/);
    await madeNothing();
  });

  it("names the service file that does not parse", async () => {
    await writeFile(join(dir, "broken.service"), "[Service\nExecStart=/bin/true\n");
    await withSpec("version: 1\nname: bad\nservices: [broken.service]\n");
    const refused = await cluster("up");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("broken.service");
    await madeNothing();
  });
});

describe("a host that cannot", () => {
  it("is told when the subnet is in use, and nothing is made", async () => {
    await onHost("ip", ["link", "add", "taken0", "type", "bridge"]);
    await onHost("ip", ["addr", "add", "192.168.57.1/24", "dev", "taken0"]);
    await onHost("ip", ["link", "set", "taken0", "up"]);
    await withSpec("version: 1\nname: bad\nnetwork: {subnet: 192.168.57.0/24}\n");
    const refused = await cluster("up", "--provider", "nspawn");
    await onHost("ip", ["link", "del", "taken0"]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("192.168.57.0/24");
    expect(refused.stderr).toContain("taken0");
    await madeNothing();
  });

  it("is told that root is needed", async () => {
    await withSpec("version: 1\nname: bad\n");
    await chmod(dir, 0o777);
    const refused = await onHost("setpriv", [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      process.execPath,
      join(root, "dist/cluster.js"),
      "--cluster",
      dir,
      "up",
      "--provider",
      "nspawn",
    ]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("root");
    await madeNothing();
  });

  it("is told which programs are missing and the packages that bring them", async () => {
    await withSpec("version: 1\nname: bad\n");
    const refused = await onHost(
      process.execPath,
      [join(root, "dist/cluster.js"), "--cluster", dir, "up", "--provider", "nspawn"],
      { PATH: "/nonexistent" },
    );
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("systemd-container");
    await madeNothing();
  });
});

describe("a command line with mistakes", () => {
  it.each([
    [["frobnicate"], "frobnicate"],
    [["up", "--frob"], "--frob"],
    [["ssh"], "NODE"],
  ])("is answered with usage, exit 2 or 3: %s", async (args, word) => {
    await withSpec("version: 1\nname: bad\n");
    const refused = await cluster(...args);
    expect([2, 3]).toContain(refused.code);
    expect(refused.stderr).toContain(word);
  });

  it("is told where cluster.yaml was looked for", async () => {
    const refused = await cluster("status");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("cluster.yaml");
    expect(refused.stderr).toContain("cluster init");
  });
});
