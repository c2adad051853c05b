import { describe, expect, it } from "vitest";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { eventually, onHost, testCluster, type TestCluster } from "../support/cluster.ts";

/** `cluster up` is killed at each of its steps; the next one goes on, and `destroy` always leaves the host as it was. */

interface StepEvent {
  readonly event: string;
  readonly step?: string;
}

const eventsOf = (text: string): StepEvent[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as StepEvent);

/** What a cluster may leave on a host: bridge, firewall table, mounts, processes, cgroups, run-time folder. */
async function traces(cluster: TestCluster): Promise<string[]> {
  const { id } = hostNames({ name: "demo", dir: cluster.dir });
  const script = `ip -o link show | grep -o 'fl-${id}[^:]*'
    nft list tables | grep ${id}
    grep -E '${id}|${cluster.dir}' /proc/mounts
    pgrep -af '${id}|${cluster.dir}' | grep -vE 'pgrep|bash -c'
    find /sys/fs/cgroup -maxdepth 3 -type d -name 'flotilla-${id}'
    ls /run/flotilla 2>/dev/null | grep ${id}`;
  const { stdout } = await onHost("bash", ["-c", script]);
  return stdout.split("\n").filter((line) => line !== "");
}

const nothingIsLeft = (cluster: TestCluster, after: string): Promise<true> =>
  eventually(`nothing is left after ${after}`, async () => (await traces(cluster)).length === 0, 5_000);

/** Starts `up` and kills it with -9 when its `count`th step begins; false when it came to its end before. */
async function killUpAt(cluster: TestCluster, count: number): Promise<boolean> {
  const up = cluster.spawn("up", "--json");
  let text = "";
  let killed = false;
  up.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    const begun = eventsOf(text.slice(0, text.lastIndexOf("\n"))).filter(
      ({ event }) => event === "step-begin",
    );
    if (begun.length >= count && !killed) killed = up.kill("SIGKILL");
  });
  await up;
  return killed;
}

describe("cluster up, killed", () => {
  it("goes on after kill -9 at each step, and destroy leaves nothing", { timeout: 600_000 }, async () => {
    const change = { machines: { count: 2 }, services: [] };
    for (let step = 1; ; step++) {
      await using cluster = await testCluster({ example: "demo", change });
      const killed = await killUpAt(cluster, step);
      await cluster.must("up");
      await cluster.must("status");
      expect((await traces(cluster)).length).toBeGreaterThan(5);
      await cluster.must("destroy");
      await nothingIsLeft(cluster, `a kill at step ${step}`);
      if (!killed) break;
      expect(step).toBeLessThan(60);
    }
  });

  it("destroys what a killed up left half-made", { timeout: 300_000 }, async () => {
    const change = { machines: { count: 2 }, services: [] };
    for (const step of [1, 2, 3, 5, 8]) {
      await using cluster = await testCluster({ example: "demo", change });
      await killUpAt(cluster, step);
      await cluster.must("destroy");
      await nothingIsLeft(cluster, `a kill at step ${step}`);
    }
  });

  it(
    "makes a second run wait ten seconds and then name the one that holds the lock",
    { timeout: 120_000 },
    async () => {
      await using cluster = await testCluster({ example: "demo", change: { services: [] } });
      const first = cluster.spawn("up", "--json");
      await eventually("the first run is at work", async () => {
        const { stdout } = await onHost("ls", [`${cluster.dir}/.state`]);
        return stdout.includes("lock");
      });
      first.kill("SIGSTOP");
      const begun = performance.now();
      const second = await cluster.run("up");
      first.kill("SIGCONT");
      expect(second.code).toBe(5);
      expect(second.stderr).toContain(String(first.pid));
      expect(performance.now() - begun).toBeGreaterThan(9_000);
      expect((await first).code).toBe(0);
    },
  );
});
