import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCluster, type TestCluster } from "../support/cluster.ts";

/** The scenarios that the demo plays, on a cluster of real nodes. */

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ example: "demo" });
  await cluster.must("up");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

interface Report {
  readonly runs: readonly {
    readonly outcome: string;
    readonly reasons: readonly string[];
    readonly units: readonly { readonly recoveries: readonly { readonly took?: number }[] }[];
  }[];
}

async function play(scenario: string): Promise<{ code: number; report: Report; text: string }> {
  const file = join(cluster.dir, `${scenario}.json`);
  const played = await cluster.run("test", scenario, "--report-json", file);
  return {
    code: played.code,
    report: JSON.parse(await readFile(file, "utf8")) as Report,
    text: `${played.stdout}\n${played.stderr}`,
  };
}

describe("cluster test", () => {
  it("passes node-kill: the service is back within ten seconds (E1)", { timeout: 180_000 }, async () => {
    const { code, report, text } = await play("node-kill");
    expect(report.runs[0]?.reasons, text).toEqual([]);
    expect(report.runs[0]?.outcome).toBe("pass");
    expect(report.runs[0]?.units[0]?.recoveries[0]?.took).toBeLessThan(10_000);
    expect(code).toBe(0);
  });

  it("passes power-outage although core-01 stays down at first (E3, E4)", { timeout: 180_000 }, async () => {
    const { code, report, text } = await play("power-outage");
    expect(report.runs[0]?.reasons, text).toEqual([]);
    expect(report.runs[0]?.units[0]?.recoveries[0]?.took).toBeLessThan(20_000);
    expect(code).toBe(0);
  });

  it("is inconclusive, with exit 8, when the cluster is not steady to begin with", async () => {
    const scenario = await readFile(join(cluster.dir, "scenarios/node-kill.yaml"), "utf8");
    const impossible = scenario.replace("active: 1, within: 90s", "active: 2, within: 2s");
    const file = join(cluster.dir, "scenarios/impossible.yaml");
    await writeFile(file, impossible);
    const { code, report } = await play("impossible");
    expect(report.runs[0]?.outcome).toBe("inconclusive");
    expect(code).toBe(8);
  });

  it("refuses a scenario with a mistake, naming line and column", async () => {
    const file = join(cluster.dir, "scenarios/wrong.yaml");
    await writeFile(
      file,
      "version: 1\nname: wrong\nsteady: [{unit: a.service}]\nsteps: [{injekt: power-cut}]\n",
    );
    const refused = await cluster.run("test", "wrong");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/wrong\.yaml:4:\d+/);
  });
});
