import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/foundation/clock.ts";
import type { ClusterPlan } from "../../src/provider/provider.ts";
import { createAttendant } from "../../src/provider/vagrant/attendant.ts";
import type { ClusterSpec } from "../../src/spec/model.ts";
import { clusterPlan } from "../support/cluster-plan.ts";

/** The loopback is all that this test may listen on, so it plays the cluster's network: 127.0.0.0/24, gateway .1. */
const scratch = mkdtempSync(join(tmpdir(), "flotilla-attendant-"));
const attendant = createAttendant({
  clock: systemClock(),
  command: [process.execPath, join(import.meta.dirname, "../support/attend.ts")],
});
const { signal } = new AbortController();
const base = clusterPlan(scratch);

function cluster(change: Partial<ClusterSpec>): ClusterPlan {
  mkdirSync(base.stateDir, { recursive: true });
  return {
    ...base,
    spec: { ...base.spec, network: { ...base.spec.network, subnet: "127.0.0.0/24" }, ...change },
  };
}

const withDiscovery = cluster({ etcd: { members: 3, discovery: "local" } });
const health = async (): Promise<string> => await (await fetch("http://127.0.0.1:8087/health")).text();
const closed = async (): Promise<boolean> =>
  await health().then(
    () => false,
    () => true,
  );

describe("what serves libvirt's machines on this host", () => {
  let proxy: Server;
  let port = 0;
  beforeAll(async () => {
    // A proxy that listens for IPv6's loopback only, so that the door at 127.0.0.1 is free for the attendant.
    proxy = createServer((socket) => socket.end("the proxy\n")).listen(0, "::1");
    await new Promise((resolve) => proxy.once("listening", resolve));
    port = (proxy.address() as { port: number }).port;
  });
  afterEach(async () => await attendant.dismiss(base));
  afterAll(() => {
    proxy.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("runs the cluster's discovery service until it is dismissed", async () => {
    await attendant.apply(withDiscovery, signal);
    expect(await health()).toBe("OK");
    await attendant.apply(withDiscovery, signal);
    expect(await health()).toBe("OK");
    await attendant.dismiss(base);
    expect(await closed()).toBe(true);
    await attendant.dismiss(base);
  });

  it("leads machines to a proxy on the loopback, and closes the way when the proxy is taken away", async () => {
    const through = async (): Promise<string> => {
      const { connect } = await import("node:net");
      return await new Promise((resolve) => {
        let text = "";
        const socket = connect({ host: "127.0.0.1", port });
        socket.on("data", (part) => (text += part.toString()));
        socket.on("error", (error) => resolve(error.message));
        socket.on("end", () => resolve(text));
      });
    };
    expect(await through()).toContain("ECONNREFUSED");
    const url = `http://[::1]:${port}`;
    await attendant.apply(
      cluster({ proxy: { http: url, https: undefined, no: [], passwordFile: undefined } }),
      signal,
    );
    expect(await through()).toBe("the proxy\n");
    await attendant.apply(cluster({ proxy: undefined }), signal);
    expect(await through()).toContain("ECONNREFUSED");
  });

  it("waits for the cluster's network, and says why when it cannot open its doors", async () => {
    const elsewhere = cluster({ etcd: { members: 3, discovery: "local" } });
    const absent = { ...elsewhere.spec.network, subnet: "192.168.213.0/24" };
    await attendant.apply({ ...elsewhere, spec: { ...elsewhere.spec, network: absent } }, signal);
    expect(await closed()).toBe(true);
    writeFileSync(join(base.stateDir, "discovery.json"), "{");
    await expect(attendant.apply(withDiscovery, signal)).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
      hint: expect.stringContaining("attendant.log") as string,
    });
    rmSync(join(base.stateDir, "discovery.json"));
  });
});
