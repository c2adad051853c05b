import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, testCluster, type TestCluster } from "../support/cluster.ts";

/** The short library: faults on real nodes, that they bite, that they are healed, and that nothing of them is left. */

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ example: "lab" });
  await cluster.must("up");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

interface Entry {
  readonly begin?: { readonly id: string; readonly ttl: number };
}

/** The rules, stopped processes and fault services that a machine has right now. */
const traces =
  "sudo nft list tables; ps -eo stat,comm | grep ^T; systemctl list-units --plain --no-legend 'flotilla-fault-*'; true";

describe("the short library", () => {
  it.each([
    "partition-isolate",
    "etcd-quorum-loss",
    "machine-pause",
    "container-kill",
    "registry-outage",
    "agent-crash",
    "affinity-failover",
  ])("passes %s", { timeout: 120_000 }, async (scenario) => {
    const played = await cluster.run("test", scenario);
    expect(played.code, `${played.stdout}\n${played.stderr}`).toBe(0);
  });

  it("is inconclusive where the provider cannot do it, and says so", async () => {
    const played = await cluster.run("test", "disk-full");
    expect(played.stdout).toMatch(/unsupported: .*no disk of its own/);
    expect(played.code).toBe(8);
  });
});

describe("a fault by hand", () => {
  it("is listed while it is there, and healed by its name", async () => {
    await cluster.must("fault", "inject", "partition", "core-02", "--direction", "in");
    const listed = await cluster.must("fault", "list");
    const id = /partition-[0-9a-f]+/.exec(listed)?.[0] ?? "";
    expect(listed).toContain("core-02");
    await cluster.must("fault", "heal", id);
    expect(await cluster.must("fault", "list")).toContain("nothing is broken");
  });

  it("leaves rules alone that are not ours", async () => {
    await cluster.on("core-03", "sudo nft add table inet somebody_elses");
    await cluster.must("fault", "inject", "partition", "core-03");
    await cluster.must("fault", "heal");
    expect(await cluster.on("core-03", "sudo nft list tables")).toContain("somebody_elses");
    await cluster.on("core-03", "sudo nft delete table inet somebody_elses");
  });

  it("is refused with the reason when an option is missing or does not fit", async () => {
    const refused = await cluster.run("fault", "inject", "process-kill", "core-01", "--percent", "5");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('process-kill needs "process"');
  });
});

describe("a controller that is killed while faults are active", () => {
  it("leaves nothing that outlives the faults' time by a second", { timeout: 180_000 }, async () => {
    const before = await cluster.on("core-01", traces);
    const beforeOnTwo = await cluster.on("core-02", traces);
    await writeFile(join(cluster.dir, "scenarios/abandoned.yaml"), abandoned);
    const running = cluster.spawn("test", "abandoned");
    let said = "";
    running.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await eventually("all three faults are active", async () => said.match(/proved:/g)?.length === 3, 60_000);
    const journal = (await readFile(join(cluster.dir, ".state/faults.ndjson"), "utf8")).trim().split("\n");
    const begun = journal.map((line) => JSON.parse(line) as Entry).flatMap(({ begin }) => begin ?? []);
    expect(begun.slice(-3).map(({ ttl }) => ttl)).toEqual([10_000, 10_000, 10_000]);
    const killedAt = performance.now();
    await killTree(running.pid);
    expect(await cluster.on("core-01", traces)).not.toBe(before);
    await new Promise((wake) => setTimeout(wake, 11_000 - (performance.now() - killedAt)));
    expect(await cluster.on("core-01", traces)).toBe(before);
    expect(await cluster.on("core-02", traces)).toBe(beforeOnTwo);
    // The third was frozen: that it answers is the proof.
    expect(await cluster.on("core-03", "echo moves")).toBe("moves");
    expect(await cluster.must("fault", "list")).toContain("nothing is broken");
    await cluster.must("fault", "heal");
  });
});

const abandoned = `version: 1
name: abandoned
steady: [{ machines: all }]
steps:
  - { inject: partition, victims: core-01, ttl: 10s }
  - { inject: process-pause, process: fleetd, victims: core-02, ttl: 10s }
  - { inject: freeze, victims: core-03, ttl: 10s }
  - { wait: 60s }
`;

/** The launcher and what it started, at once. */
async function killTree(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of [pid, ...children.trim().split(" ").filter(Boolean).map(Number)])
    process.kill(child, "SIGKILL");
}
