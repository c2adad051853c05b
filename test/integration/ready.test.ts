import { createServer, type Server } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeProbes, type Places } from "../../src/node/ready/probes.ts";
import { lookOnce } from "../../src/node/ready/watch.ts";

let folder: string;
let places: Places;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ready-"));
  const socket = (name: string) => ({ socketPath: join(folder, name) });
  places = {
    result: join(folder, "cloudinit.json"),
    etcd: socket("etcd"),
    docker: socket("docker"),
    fleet: socket("fleet"),
  };
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(folder, { recursive: true, force: true });
});

async function serve(name: string, paths: Readonly<Record<string, string>>): Promise<void> {
  const server = createServer((request, response) => {
    const body = paths[request.url ?? ""];
    response.writeHead(body === undefined ? 404 : 200).end(body ?? "not here\n");
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
}

describe("the layers of a machine", () => {
  it("say what is missing while nothing runs", async () => {
    const layers = await lookOnce(nodeProbes(places, 3));
    expect(layers["cloud-config"]).toEqual({ ok: false, detail: "not applied yet" });
    expect(layers.etcd).toMatchObject({ ok: false, detail: expect.stringContaining("ENOENT") as string });
  });

  it("are ready when each service says so", async () => {
    await writeFile(places.result, JSON.stringify({ ok: true, hash: "abc" }));
    await serve("etcd", { "/health": '{"health":"true"}' });
    await serve("docker", { "/_ping": "OK" });
    await serve("fleet", { "/fleet/v1/machines": '{"machines":[{},{}]}' });
    expect(await lookOnce(nodeProbes(places, 2))).toEqual({
      "cloud-config": { ok: true, hash: "abc" },
      etcd: { ok: true },
      docker: { ok: true },
      fleet: { ok: true, machines: 2 },
    });
    expect((await lookOnce(nodeProbes(places, 3))).fleet.detail).toBe("fleet sees 2 of 3 machines");
  });

  it("show the error of the cloud-config with its line, and an unhealthy etcd", async () => {
    const error = { key: "coreos.etcd3", line: 7, message: "unrecognized key" };
    await writeFile(places.result, JSON.stringify({ ok: false, hash: "abc", error }));
    await serve("etcd", { "/health": '{"health":"false"}' });
    const layers = await lookOnce(nodeProbes(places, 1));
    expect(layers["cloud-config"].detail).toBe("line 7: coreos.etcd3: unrecognized key");
    expect(layers.etcd.ok).toBe(false);
  });
});
