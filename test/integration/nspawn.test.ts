import { readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { findHierarchies } from "../../src/provider/nspawn/cgroups.ts";
import { sshForwards } from "../../src/provider/nspawn/forwards.ts";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { nodePlan } from "../support/cluster-plan.ts";
import type { NspawnSubject } from "../support/nspawn-cluster.ts";
import { initPid, inside, nspawnSubject } from "../support/nspawn-cluster.ts";
import { describeProvider } from "../support/provider-contract.ts";

const { signal } = new AbortController();
const clock = systemClock();
const folders: string[] = [];

function subject(name: string): NspawnSubject {
  const made = nspawnSubject(name);
  folders.push(made.dir);
  return made;
}

async function until<T>(look: () => Promise<T | undefined>, within = 20_000): Promise<T> {
  const found = await waitFor(look, { clock, every: 20, within });
  if (found === undefined) throw new Error(`not within ${within} ms: ${look.toString()}`);
  return found;
}

afterAll(() => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

describeProvider("nspawn", () => Promise.resolve(subject("contract")));

describe("a node in a system container", () => {
  const { provider, cluster } = subject("node");
  const one = nodePlan(cluster, 1, "#cloud-config\nhostname: core-01\n");
  const two = nodePlan(cluster, 2);
  const run = async (node: string, ...argv: [string, ...string[]]): Promise<string> => {
    const result = await inside(cluster, node, ...argv);
    if (result.code !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr || result.stdout}`);
    return result.stdout.trim();
  };
  const booted = (node: string): Promise<true> =>
    until(async () => {
      const { stdout } = await inside(cluster, node, "systemctl", "is-system-running");
      return stdout.trim() === "running" || stdout.trim() === "degraded" ? true : undefined;
    });

  beforeAll(async () => {
    await provider.prepare(cluster, () => undefined, signal);
  });
  beforeEach(async () => {
    for (const plan of [one, two]) await provider.create(cluster, plan, signal);
    await Promise.all(["core-01", "core-02"].map((node) => provider.start(cluster, node, signal)));
  });
  afterAll(async () => {
    await provider.dispose(cluster, signal);
  });

  it("is what the plan says: name, machine-id, address, user-data that only root may read, our own layer", async () => {
    expect(await run("core-01", "cat", "/etc/machine-id")).toBe(one.machineId);
    expect(await run("core-01", "uname", "-n")).toBe("core-01");
    expect(await run("core-01", "cat", "/var/lib/flotilla/user-data")).toBe(one.userData.trim());
    expect(await run("core-01", "stat", "-c", "%a %U", "/var/lib/flotilla/user-data")).toBe("600 root");
    expect(await run("core-01", "from-layer")).toBe("layer");
    await booted("core-01");
    expect(await run("core-01", "ip", "-brief", "address", "show", "host0")).toContain("192.168.56.11/24");
  });

  it("boots without a failed unit", async () => {
    await booted("core-01");
    expect(await run("core-01", "systemctl", "--failed", "--plain", "--no-legend")).toBe("");
  });

  it("has etcd, docker and the user core, who may become root", async () => {
    expect(await run("core-01", "etcd", "--version")).toContain("etcd Version: 3.4");
    expect(await run("core-01", "id", "core")).toMatch(/uid=500\(core\) gid=500\(core\).*docker/);
    expect(await run("core-01", "su", "core", "-c", "sudo -n id -u")).toBe("0");
  });

  it("keeps its disk over a clean shutdown and a power cut", async () => {
    await run("core-01", "sh", "-c", "echo kept > /home/core/note; sync");
    await provider.halt(cluster, "core-01", signal);
    await provider.start(cluster, "core-01", signal);
    expect(await run("core-01", "cat", "/home/core/note")).toBe("kept");
    await provider.kill(cluster, "core-01", signal);
    await provider.start(cluster, "core-01", signal);
    expect(await run("core-01", "cat", "/home/core/note")).toBe("kept");
    expect(await run("core-01", "cat", "/etc/machine-id")).toBe(one.machineId);
  });

  it("gets new user-data at its next boot", async () => {
    await provider.provision(cluster, { ...one, userData: "#cloud-config\n# new\n" }, signal);
    expect(await run("core-01", "cat", "/var/lib/flotilla/user-data")).toBe(one.userData.trim());
    await provider.kill(cluster, "core-01", signal);
    await provider.start(cluster, "core-01", signal);
    expect(await run("core-01", "cat", "/var/lib/flotilla/user-data")).toContain("# new");
  });

  it("falls silent at a power cut: a peer's connection is not even reset", async () => {
    await booted("core-02");
    const events: string[] = [];
    const socket = await banner("192.168.56.12", 22);
    for (const event of ["end", "close", "error"]) socket.on(event, () => events.push(event));
    await provider.kill(cluster, "core-02", signal);
    await wait(500);
    socket.destroy();
    expect(events).toEqual([]);
    expect((await inside(cluster, "core-01", "ping", "-c1", "-W1", "192.168.56.12")).code).not.toBe(0);
  });

  it("comes back when `reboot` is typed inside, and stays off after `poweroff`", async () => {
    await booted("core-01");
    const before = await initPid(cluster, "core-01");
    void inside(cluster, "core-01", "reboot");
    await until(async () => {
      const now = await initPid(cluster, "core-01");
      return now !== undefined && now !== before ? true : undefined;
    });
    await booted("core-01");
    void inside(cluster, "core-01", "poweroff");
    await until(async () => {
      const status = (await provider.machines(cluster)).get("core-01");
      return status?.state === "stopped" && status.since !== undefined ? true : undefined;
    });
    expect(await initPid(cluster, "core-01")).toBeUndefined();
  });

  it("has its memory and cpus limited", () => {
    const { memory, cpu } = findHierarchies();
    const group = join(hostNames(cluster).cgroup, "core-01");
    const read = (at: string | undefined, file: string): string =>
      readFileSync(join(at ?? "", group, file), "utf8").trim();
    const bytes = read(memory?.at, memory?.version === 1 ? "memory.limit_in_bytes" : "memory.max");
    expect(bytes).toBe(String(512 * 1024 * 1024));
    const quota = read(cpu?.at, cpu?.version === 1 ? "cpu.cfs_quota_us" : "cpu.max");
    expect(quota).toMatch(/^100000\b/);
  });

  it("is killed by the kernel, not the host, when it takes more memory than it has", async () => {
    await booted("core-01");
    // As a unit, so that it is in the node's group and not in ours.
    const hungry = "head -c 900M /dev/zero | tail >/dev/null";
    const unit = ["systemd-run", "--wait", "--quiet", "sh", "-c", hungry] as const;
    expect((await inside(cluster, "core-01", ...unit)).code).not.toBe(0);
    expect((await inside(cluster, "core-01", "sh", "-c", "true")).code).toBe(0);
  });

  it("is reached by ssh through a port of the host's loopback", async () => {
    await booted("core-01");
    const port = (await sshForwards(cluster)).get("core-01") ?? 0;
    expect(port).toBe(2222);
    (await banner("127.0.0.1", port)).destroy();
  });

  it("pulls and runs the walkthroughs' images from the cluster's own registry", async () => {
    await booted("core-01");
    const daemon =
      '{"registry-mirrors":["http://192.168.56.1:5000"],"insecure-registries":["192.168.56.1:5000"]}';
    await run("core-01", "sh", "-c", `mkdir -p /etc/docker; echo '${daemon}' >/etc/docker/daemon.json`);
    await run("core-01", "systemctl", "start", "docker.service");
    expect(await run("core-01", "docker", "run", "--rm", "busybox", "echo", "hi")).toContain("hi");
    const image = "jlordiales/python-micro-service";
    const id = await run("core-01", "docker", "run", "-d", "-p", "5000:5000", "--name", "service", image);
    const answer = (): Promise<string> => run("core-01", "curl", "-sf", "http://127.0.0.1:5000/");
    const text = await until(() => answer().catch(() => undefined));
    expect(text).toBe(`Hello World from ${id.split("\n").at(-1)?.slice(0, 12)}`);
    await run("core-01", "docker", "stop", "service");
    expect(await run("core-01", "docker", "inspect", "-f", "{{.State.ExitCode}}", "service")).toBe("0");
  });
});

/** Connects and reads the greeting. */
async function banner(host: string, port: number): Promise<Socket> {
  const socket = connect(port, host);
  const text = await new Promise<string>((resolve, reject) => {
    socket.once("data", (data) => resolve(data.toString()));
    socket.once("error", reject);
  });
  expect(text).toMatch(/^SSH-2.0/);
  return socket;
}
