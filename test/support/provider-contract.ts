import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClusterPlan, NodePlan, Provider } from "../../src/provider/provider.ts";
import { nodePlan } from "./cluster-plan.ts";

export interface ProviderSubject {
  readonly provider: Provider;
  /** A cluster of at least two machines. */
  readonly cluster: ClusterPlan;
}

/** What every provider must do; each test begins with core-01 created and on, core-02 not there. */
export function describeProvider(name: string, makeSubject: () => Promise<ProviderSubject>): void {
  describe(`a provider: ${name}`, () => {
    const { signal } = new AbortController();
    let provider: Provider;
    let cluster: ClusterPlan;
    let first: NodePlan;
    let second: NodePlan;
    const stateOf = async (node: string): Promise<string | undefined> =>
      (await provider.machines(cluster)).get(node)?.state;

    beforeAll(async () => {
      ({ provider, cluster } = await makeSubject());
      [first, second] = [nodePlan(cluster, 1), nodePlan(cluster, 2)];
      await provider.prepare(cluster, () => undefined, signal);
    });
    beforeEach(async () => {
      await provider.destroy(cluster, "core-02", signal);
      await provider.create(cluster, first, signal);
      await provider.start(cluster, "core-01", signal);
    });
    afterAll(async () => {
      await provider.dispose(cluster, signal);
      await provider.dispose(cluster, signal);
    });

    it("makes a machine that is off until it is started", async () => {
      await provider.create(cluster, second, signal);
      expect(await stateOf("core-02")).toBe("stopped");
      await provider.start(cluster, "core-02", signal);
      expect(await stateOf("core-02")).toBe("running");
    });

    it("knows where each machine can be reached", async () => {
      expect((await provider.machines(cluster)).get("core-01")?.address).toBe(first.machine.address);
    });

    it("says since when a machine is on", async () => {
      const before = (await provider.machines(cluster)).get("core-01")?.since ?? 0;
      await provider.kill(cluster, "core-01", signal);
      await provider.start(cluster, "core-01", signal);
      expect((await provider.machines(cluster)).get("core-01")?.since).toBeGreaterThanOrEqual(before);
    });

    it("switches off by a clean shutdown, and on again", async () => {
      await provider.halt(cluster, "core-01", signal);
      expect(await stateOf("core-01")).toBe("stopped");
      await provider.start(cluster, "core-01", signal);
      expect(await stateOf("core-01")).toBe("running");
    });

    it("switches off by a power cut, and on again", async () => {
      await provider.kill(cluster, "core-01", signal);
      expect(await stateOf("core-01")).toBe("stopped");
      await provider.start(cluster, "core-01", signal);
      expect(await stateOf("core-01")).toBe("running");
    });

    it("does nothing when asked for what is already so", async () => {
      await provider.prepare(cluster, () => undefined, signal);
      await provider.create(cluster, first, signal);
      const before = (await provider.machines(cluster)).get("core-01");
      await provider.start(cluster, "core-01", signal);
      expect((await provider.machines(cluster)).get("core-01")).toEqual(before);
      await provider.create(cluster, second, signal);
      await provider.halt(cluster, "core-02", signal);
      await provider.kill(cluster, "core-02", signal);
      expect(await stateOf("core-02")).toBe("stopped");
    });

    it("switches several machines at once", async () => {
      await provider.create(cluster, second, signal);
      const both = ["core-01", "core-02"];
      await Promise.all(both.map((node) => provider.start(cluster, node, signal)));
      await Promise.all(both.map((node) => provider.kill(cluster, node, signal)));
      expect(await Promise.all(both.map(stateOf))).toEqual(["stopped", "stopped"]);
    });

    it("forgets a machine that was destroyed, running or not, and leaves the others alone", async () => {
      await provider.create(cluster, second, signal);
      await provider.start(cluster, "core-02", signal);
      await provider.destroy(cluster, "core-02", signal);
      await provider.destroy(cluster, "core-02", signal);
      expect([...(await provider.machines(cluster)).keys()]).toEqual(["core-01"]);
      expect(await stateOf("core-01")).toBe("running");
    });

    it("refuses to start or provision a machine that does not exist, by name", async () => {
      await expect(provider.start(cluster, "core-02", signal)).rejects.toThrow("core-02");
      await expect(provider.provision(cluster, second, signal)).rejects.toThrow("core-02");
    });

    it("shows what the machine wrote to its console", async () => {
      const lines: string[] = [];
      const enough = new AbortController();
      const timer = setTimeout(() => enough.abort(), 20_000);
      const console_ = provider.console(cluster, "core-01", { follow: true, signal: enough.signal });
      for await (const line of console_) {
        lines.push(line);
        if (line.includes("Welcome to")) break;
      }
      clearTimeout(timer);
      expect(lines.at(-1)).toContain("Welcome to");
      expect(lines.join("")).not.toContain("\r");
    });

    it("does not begin what has been interrupted before", async () => {
      const stopped = AbortSignal.abort(new Error("interrupted"));
      await provider.halt(cluster, "core-01", signal);
      await expect(provider.start(cluster, "core-01", stopped)).rejects.toThrow("interrupted");
      expect(await stateOf("core-01")).toBe("stopped");
    });

    it("has no machines left when it has been disposed of", async () => {
      await provider.dispose(cluster, signal);
      expect(await provider.machines(cluster)).toEqual(new Map());
      await provider.prepare(cluster, () => undefined, signal);
    });
  });
}
