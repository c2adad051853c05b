import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runScenario } from "../../src/bin/failover.ts";
import { onHost, root, testCluster, type TestCluster } from "../support/cluster.ts";

/** A user's own test suite that plays outages, as clusters/demo shows it. */

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ example: "demo" });
  await cluster.must("up");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

describe("flotilla/failover", () => {
  it("runs the example's outages in a test suite", { timeout: 240_000 }, async () => {
    const vitest = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "examples"];
    const files = ["clusters/demo/outages.test.ts"];
    const run = await onHost(process.execPath, [...vitest, ...files], { CLUSTER: cluster.dir });
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
    expect(run.stdout).toContain("1 passed");
  });

  it("says why a scenario could not be played", async () => {
    await expect(runScenario("no-such-thing", { cluster: cluster.dir })).rejects.toThrow(
      /was not played \(exit 3\)[^]*there is no scenario no-such-thing/,
    );
  });
});
