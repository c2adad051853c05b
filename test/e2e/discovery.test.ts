import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCluster, type TestCluster } from "../support/cluster.ts";

/** Story A3: etcd's members find each other through the cluster's own discovery service. */

let cluster: TestCluster;

beforeAll(async () => {
  const change = { provider: "nspawn", etcd: { discovery: "local" }, services: [] };
  cluster = await testCluster({ example: "demo", change });
  await cluster.must("up");
}, 240_000);
afterAll(async () => cluster[Symbol.asyncDispose]());

const members = async (): Promise<string[]> =>
  [...(await cluster.on("core-01", "etcdctl member list")).matchAll(/name=(\S+)/g)]
    .map(([, name]) => name ?? "")
    .sort();

describe("a cluster with discovery: local", () => {
  it("has formed through its own service, and through nothing else", async () => {
    expect(await members()).toEqual(["core-01", "core-02", "core-03"]);
    const settings = await cluster.on("core-01", "systemctl show -p Environment etcd2.service");
    expect(settings).toMatch(/ETCD_DISCOVERY=http:\/\/192\.168\.56\.1:8087\/[0-9a-f]+/);
    expect(settings).not.toContain("ETCD_INITIAL_CLUSTER=");
  });

  it(
    "needs the service no more: machines start again with what they have",
    { timeout: 180_000 },
    async () => {
      await cluster.must("halt");
      await cluster.must("up");
      expect(await members()).toEqual(["core-01", "core-02", "core-03"]);
      expect(await cluster.must("up", "--dry-run")).not.toContain("core-0");
    },
  );

  it("takes a machine in that was made again", { timeout: 180_000 }, async () => {
    await cluster.on("core-01", "etcdctl set /kept yes");
    await cluster.must("destroy", "core-03");
    await cluster.must("up");
    expect(await cluster.on("core-03", "etcdctl get /kept")).toBe("yes");
    expect(await members()).toEqual(["core-01", "core-02", "core-03"]);
  });
});
