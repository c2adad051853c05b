import { describe, expect, it } from "vitest";
import { clusterPlan, nodePlan } from "../../test/support/cluster-plan.ts";
import { describeProvider } from "../../test/support/provider-contract.ts";
import { manualClock } from "../foundation/clock.ts";
import { createFakeProvider } from "./fake.ts";

describeProvider("in memory", async () => ({
  provider: createFakeProvider({ clock: manualClock() }),
  cluster: clusterPlan("/clusters/contract"),
}));

describe("the provider for tests", () => {
  const { signal } = new AbortController();
  const cluster = clusterPlan("/clusters/demo");

  it("gives new user-data to a machine at its next boot, not before", async () => {
    const provider = createFakeProvider({ clock: manualClock() });
    await provider.create(cluster, nodePlan(cluster, 1, "old"), signal);
    await provider.start(cluster, "core-01", signal);
    await provider.provision(cluster, nodePlan(cluster, 1, "new"), signal);
    expect(provider.bootedWith(cluster, "core-01")).toBe("old");
    await provider.kill(cluster, "core-01", signal);
    await provider.start(cluster, "core-01", signal);
    expect(provider.bootedWith(cluster, "core-01")).toBe("new");
  });

  it("remembers what was asked of it, and fails when told to", async () => {
    const provider = createFakeProvider({ clock: manualClock() });
    provider.failNext("create", new Error("the disk is full"));
    await expect(provider.create(cluster, nodePlan(cluster, 1), signal)).rejects.toThrow("the disk is full");
    await provider.create(cluster, nodePlan(cluster, 1), signal);
    expect(provider.calls).toEqual(["create core-01", "create core-01"]);
  });
});
