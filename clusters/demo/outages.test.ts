// Outages in your own test suite. Bring the cluster up first: cluster up; then: npx vitest run outages.test.ts
import { runScenario } from "flotilla/failover";
import { expect, test } from "vitest";

// Another cluster than the one in this folder can be named by CLUSTER.
const cluster = process.env["CLUSTER"] ?? import.meta.dirname;

test("hello.service survives the loss of its machine", { timeout: 180_000 }, async () => {
  const run = await runScenario("node-kill", { cluster });

  expect(run.reasons).toEqual([]);
  expect(run.outcome).toBe("pass");

  const [hello] = run.units;
  expect(hello?.recoveries[0]?.took).toBeLessThan(10_000);
  expect(hello?.mostCopies).toBe(1);
});
