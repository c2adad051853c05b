import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "../../src/fleet/api/client.ts";
import type { FleetClient } from "../../src/fleet/api/client.ts";
import { httpTransport } from "../../src/fleet/api/transport.ts";

interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
}

let server: Server | undefined;
const seen: Seen[] = [];

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  seen.splice(0);
});

async function clientOf(
  answer: (request: IncomingMessage) => Answer | undefined,
  timeout = 5_000,
): Promise<FleetClient> {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ method: request.method, path: request.url, type: request.headers["content-type"], body });
      const { status, body: reply } = answer(request) ?? {};
      if (status !== undefined) response.writeHead(status).end(reply);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return createClient(httpTransport({ kind: "http", url: new URL(`http://127.0.0.1:${port}`) }, timeout));
}

function json(value: object, status = 200): Answer {
  return { status, body: JSON.stringify(value) };
}

describe("the client of fleet's API", () => {
  it("reads page after page", async () => {
    const client = await clientOf((request) =>
      request.url?.includes("nextPageToken=abc%3D")
        ? json({ units: [{ name: "b.service" }] })
        : json({ units: [{ name: "a.service" }], nextPageToken: "abc=" }),
    );
    expect((await client.units()).map(({ name }) => name)).toEqual(["a.service", "b.service"]);
  });

  it("fills in what the API leaves out", async () => {
    const client = await clientOf(() => json({}));
    expect(await client.machines()).toEqual([]);
    expect(await client.unit("a.service")).toEqual({
      name: "",
      options: [],
      desiredState: "",
      currentState: "",
      machineID: "",
      refusal: undefined,
    });
  });

  it("reads why a unit can run nowhere", async () => {
    const refusal = { summary: "no machine fits", reasons: [{ machineID: "m", why: "metadata" }] };
    const client = await clientOf(() => json({ name: "a.service", refusal }));
    expect((await client.unit("a.service"))?.refusal).toEqual(refusal);
  });

  it("asks for states of one unit and escapes names", async () => {
    const state = { name: "a@1.service", machineID: "m", hash: "h" };
    const says = { systemdLoadState: "loaded", systemdActiveState: "active", systemdSubState: "running" };
    const client = await clientOf(() => json({ states: [{ ...state, ...says }] }));
    expect(await client.states({ unitName: "a@1.service" })).toEqual([
      { ...state, load: "loaded", active: "active", sub: "running" },
    ]);
    await client.unit("a@1.service");
    expect(seen.map(({ path }) => path)).toEqual([
      "/fleet/v1/state?unitName=a%401.service",
      "/fleet/v1/units/a%401.service",
    ]);
  });

  it("puts JSON, and only what is meant", async () => {
    const client = await clientOf(() => ({ status: 201 }));
    const options = [{ section: "Service", name: "ExecStart", value: "/bin/true" }];
    await client.putUnit("a.service", options, "inactive");
    await client.setDesired("a.service", "launched");
    expect(seen).toEqual([
      {
        method: "PUT",
        path: "/fleet/v1/units/a.service",
        type: "application/json",
        body: JSON.stringify({ name: "a.service", options, desiredState: "inactive" }),
      },
      {
        method: "PUT",
        path: "/fleet/v1/units/a.service",
        type: "application/json",
        body: JSON.stringify({ name: "a.service", desiredState: "launched" }),
      },
    ]);
  });

  it("tells a unit that was not there from one that was removed", async () => {
    const statuses = [204, 404];
    const client = await clientOf(() => ({ status: statuses.shift() ?? 500 }));
    expect(await client.deleteUnit("a.service")).toBe(true);
    expect(await client.deleteUnit("a.service")).toBe(false);
  });

  it("passes the server's refusal on in fleetctl's words", async () => {
    const client = await clientOf(() => json({ error: { code: 409, message: "options field empty" } }, 409));
    await expect(client.setDesired("a.service", "loaded")).rejects.toMatchObject({
      code: "E_FLEET_API",
      message: "googleapi: Error 409: options field empty",
    });
  });

  it("tells lost etcd from a refusal", async () => {
    const client = await clientOf(() => json({ error: { code: 503, message: "no etcd" } }, 503));
    await expect(client.units()).rejects.toMatchObject({ code: "E_ETCD", message: "no etcd" });
  });

  it("does not take a web page for fleet", async () => {
    const client = await clientOf(() => ({ status: 200, body: "<html>" }));
    await expect(client.units()).rejects.toMatchObject({ code: "E_FLEET_API" });
  });

  it("gives up on a server that never answers", async () => {
    const client = await clientOf(() => undefined, 100);
    await expect(client.units()).rejects.toMatchObject({ code: "E_TIMEOUT" });
  });

  it("says that nobody listens", async () => {
    const client = createClient(httpTransport({ kind: "unix", path: "/nowhere/fleet.sock" }, 1_000));
    await expect(client.units()).rejects.toMatchObject({ code: "E_NODE_UNREACHABLE" });
  });
});
