import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, onHost, root, testCluster, type TestCluster } from "../support/cluster.ts";

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

describe("the examples of docs/scenarios.md", () => {
  const page = readFileSync(join(root, "docs/scenarios.md"), "utf8");
  const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].flatMap(([, text = ""]) => {
    const name = /^name: (.+)$/m.exec(text)?.[1];
    return name === undefined ? [] : [[name, text] as const];
  });

  it.each(examples)("%s passes", { timeout: 180_000 }, async (name, text) => {
    await writeFile(join(cluster.dir, `scenarios/${name}.yaml`), text);
    const played = await cluster.run("test", name);
    expect(played.code, `${played.stdout}\n${played.stderr}`).toBe(0);
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

  it("finds the machine that runs a unit, and says when none does", async () => {
    const injected = await cluster.must(
      "fault",
      "inject",
      "process-pause",
      "the machine that runs etcd2.service",
      "--process",
      "docker",
    );
    expect(injected).toMatch(/process-pause of docker on core-01/);
    await cluster.must("fault", "heal");
    const none = await cluster.run("fault", "inject", "freeze", "the machine that runs no-such.service");
    expect(none.stderr).toContain("matches no machine right now");
    expect(none.stdout).not.toContain("⚡");
    expect(none.code).toBe(1);
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

describe("what cannot be played", () => {
  it("is a second scenario while the first one plays", async () => {
    await writeFile(join(cluster.dir, "scenarios/first.yaml"), scenario("first", "{ wait: 30s }"));
    const first = cluster.spawn("test", "first");
    let said = "";
    first.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await eventually("the first one plays", async () => said.includes("step 1"));
    const second = await cluster.run("test", "container-kill");
    expect(second.code).toBe(5);
    expect(second.stderr).toMatch(/locked by 'cluster test'/);
    expect(second.stdout).not.toContain("⚡");
    first.kill("SIGINT");
    expect((await first).code).toBe(8);
  });

  it("is one with a victim that is not there, and nothing is broken before it is found", async () => {
    const steps = "{ inject: freeze, victims: core-01 }, { heal: freeze }, { reboot: core-09 }";
    await writeFile(join(cluster.dir, "scenarios/stranger.yaml"), scenario("stranger", steps));
    const refused = await cluster.run("test", "stranger");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/stranger\.yaml:4:\d+.*no machine is called "core-09"/);
    expect(refused.stdout).not.toContain("⚡");
  });

  it("is one whose history finds no room; what was seen is in the report, and all is healed", async () => {
    const history = join(cluster.dir, ".state/history");
    await onHost("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", history]);
    try {
      const report = join(cluster.dir, "full.json");
      const played = await cluster.run("test", "container-kill", "--report-json", report);
      expect(played.stderr).toMatch(/no space|disk is full/);
      expect(played.code).toBe(4);
      const { runs } = JSON.parse(await readFile(report, "utf8")) as { runs: { outcome: string }[] };
      expect(runs.map(({ outcome }) => outcome)).toEqual(["pass"]);
      expect(await cluster.must("fault", "list")).toContain("nothing is broken");
    } finally {
      await onHost("umount", [history]);
    }
  });
});

describe("Ctrl-C", () => {
  it("heals and ends; the second time nothing is waited for, and the machines come back all the same", async () => {
    const steps = "{ inject: power-cut, victims: all }, { wait: 60s }";
    await writeFile(join(cluster.dir, "scenarios/stopped.yaml"), scenario("stopped", steps));
    const running = cluster.spawn("test", "stopped");
    let said = "";
    running.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await eventually("the fault is active", async () => said.includes("proved:"));
    running.kill("SIGINT");
    await eventually("it heals", async () => said.includes("+ "));
    const hurriedAt = performance.now();
    // Less than that after the first it would count as the same keystroke.
    await new Promise((wake) => setTimeout(wake, 300));
    running.kill("SIGINT");
    expect((await running).code).toBe(8);
    expect(performance.now() - hurriedAt).toBeLessThan(4_000);
    expect(said).toContain("in a hurry");
    await eventually("all machines run", async () => (await cluster.on("core-01", "true")) === "", 60_000);
    await cluster.must("fault", "heal");
  });
});

describe("a cluster that is down", () => {
  it("makes a scenario inconclusive, which says what is wrong", { timeout: 120_000 }, async () => {
    await cluster.must("halt");
    const played = await cluster.run("test", "container-kill");
    expect(played.code).toBe(8);
    expect(played.stdout).toContain("no machine of the cluster runs: 'cluster up' starts them");
    expect(played.stdout).not.toContain("⚡");
  });
});

const scenario = (name: string, steps: string): string =>
  `version: 1\nname: ${name}\nsteady: [{ machines: all }]\nsteps: [${steps}]\n`;

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
