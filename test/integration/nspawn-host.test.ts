import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { sshForwards } from "../../src/provider/nspawn/forwards.ts";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { nodePlan } from "../support/cluster-plan.ts";
import type { NspawnSubject } from "../support/nspawn-cluster.ts";
import { initPid, nspawnSubject } from "../support/nspawn-cluster.ts";

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

describe("a cluster's things on the host", () => {
  const { provider, cluster, dir } = subject("host");
  const names = hostNames(cluster);
  const plan = nodePlan(cluster, 1);

  beforeEach(async () => {
    await provider.prepare(cluster, () => undefined, signal);
    await provider.create(cluster, plan, signal);
    await provider.start(cluster, "core-01", signal);
  });
  afterAll(async () => {
    await provider.dispose(cluster, signal);
  });

  it("are all gone after dispose", async () => {
    await provider.dispose(cluster, signal);
    expect(remains(cluster.stateDir, names)).toEqual([]);
  });

  it("are all gone after dispose, also when the supervisor was killed before", async () => {
    process.kill(supervisorPid(names.runtimeDir), "SIGKILL");
    await provider.dispose(cluster, signal);
    expect(remains(cluster.stateDir, names)).toEqual([]);
  });

  it("do not stand in the cluster's own way", async () => {
    expect(await provider.check(cluster)).toEqual([]);
  });

  it("are gone, and the nodes shut down, when the supervisor is told to end; the disks stay", async () => {
    process.kill(supervisorPid(names.runtimeDir), "SIGTERM");
    await until(async () => (existsSync(names.runtimeDir) ? undefined : true));
    expect(remains(cluster.stateDir, names).filter((line) => !line.startsWith(cluster.stateDir))).toEqual([]);
    expect((await provider.machines(cluster)).get("core-01")?.state).toBe("stopped");
    const shown = provider.console(cluster, "core-01", { follow: false, signal });
    const lines: string[] = [];
    for await (const line of shown) lines.push(line);
    expect(lines.join("\n")).toContain("Reached target");
  });

  it("are gone soon when somebody has deleted the cluster's folder instead of destroying the cluster", async () => {
    rmSync(cluster.stateDir, { recursive: true });
    await until(async () => (existsSync(names.runtimeDir) ? undefined : true));
    expect(remains(cluster.stateDir, names)).toEqual([]);
  });

  it("do not mount anything where others could see it", () => {
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(dir);
  });

  it("are taken over by the next supervisor when the first was killed: nodes run on, and can be switched", async () => {
    const init = await initPid(cluster, "core-01");
    process.kill(supervisorPid(names.runtimeDir), "SIGKILL");
    expect((await provider.machines(cluster)).get("core-01")?.state).toBe("running");
    await provider.prepare(cluster, () => undefined, signal);
    expect(await initPid(cluster, "core-01")).toBe(init);
    await provider.halt(cluster, "core-01", signal);
    expect((await provider.machines(cluster)).get("core-01")?.state).toBe("stopped");
  });

  it("give a node the next free port when its own is taken", async () => {
    await provider.dispose(cluster, signal);
    const taken = createServer().listen(2222, "127.0.0.1");
    await provider.prepare(cluster, () => undefined, signal);
    await provider.create(cluster, plan, signal);
    await provider.start(cluster, "core-01", signal);
    expect((await sshForwards(cluster)).get("core-01")).toBe(2223);
    taken.close();
  });

  it("can be listed in less than 50 ms", async () => {
    const times: number[] = [];
    for (let look = 0; look < 10; look++) {
      const begin = performance.now();
      await provider.machines(cluster);
      times.push(performance.now() - begin);
    }
    expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(50);
  });
});

describe("the check of the host", () => {
  it("finds nothing wrong here", async () => {
    const { provider, cluster } = subject("check");
    expect(await provider.check(cluster)).toEqual([]);
  });

  it("names who uses the cluster's network", async () => {
    execFileSync("ip", ["link", "add", "vboxnet0", "type", "bridge"]);
    execFileSync("ip", ["address", "add", "192.168.56.1/24", "dev", "vboxnet0"]);
    const { provider, cluster } = subject("check");
    const [lack] = await provider.check(cluster);
    execFileSync("ip", ["link", "delete", "vboxnet0"]);
    expect(lack).toMatchObject({ code: "E_IN_USE" });
    expect(lack?.what).toContain("vboxnet0 has 192.168.56.1/24");
  });

  it("refuses a bridge of that name which is not ours, and does not touch it", async () => {
    const { provider, cluster } = subject("check");
    const { bridge } = hostNames(cluster);
    execFileSync("ip", ["link", "add", bridge, "type", "bridge"]);
    await expect(provider.prepare(cluster, () => undefined, signal)).rejects.toMatchObject({
      code: "E_IN_USE",
    });
    await provider.dispose(cluster, signal);
    expect(existsSync(`/sys/class/net/${bridge}`) || linkExists(bridge)).toBe(true);
    execFileSync("ip", ["link", "delete", bridge]);
  });
});

function supervisorPid(runtimeDir: string): number {
  return (JSON.parse(readFileSync(join(runtimeDir, "supervisor.pid"), "utf8")) as { pid: number }).pid;
}

function linkExists(name: string): boolean {
  return execFileSync("ip", ["-brief", "link"], { encoding: "utf8" }).includes(name);
}

/** Everything that a cluster could have left on the host; one line each. */
function remains(stateDir: string, names: ReturnType<typeof hostNames>): string[] {
  const output = (file: string, ...args: string[]): string[] =>
    execFileSync(file, args, { encoding: "utf8" }).split("\n");
  const cgroups = ["", "unified", "systemd", "memory", "cpu"].map((name) => join("/sys/fs/cgroup", name));
  return [
    ...output("ip", "-brief", "link").filter((line) => line.includes(names.id)),
    ...output("nft", "list", "tables").filter((line) => line.includes(names.id)),
    ...output("ps", "-eo", "args").filter((line) => line.includes(stateDir)),
    ...readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(stateDir)),
    ...cgroups.map((place) => join(place, names.cgroup)).filter((path) => existsSync(path)),
    ...[names.runtimeDir, join(stateDir, "nodes"), join(stateDir, "cache")].filter((path) =>
      existsSync(path),
    ),
    ...(existsSync(`/run/systemd/nspawn/propagate/${names.id}-01`) ? ["nspawn's own folder"] : []),
  ];
}
