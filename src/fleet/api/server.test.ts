import type { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "../../foundation/clock.ts";
import { silentLog } from "../../foundation/log.ts";
import type { Machine } from "../model.ts";
import { createMemoryRegistry, type MemoryClient, type MemoryRegistry } from "../registry/memory.ts";
import type { Mirror, Session, Term } from "../registry/registry.ts";
import { createApi } from "./server.ts";

const machine: Machine = {
  id: "1".repeat(32),
  publicIP: "10.0.0.1",
  metadata: { zone: "b", region: "a" },
  version: "0.1.0",
  bootId: "boot",
  nonce: "nonce",
  joined: 0,
  leaving: false,
};
const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
const other = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 200" }];
const global = [...options, { section: "X-Fleet", name: "Global", value: "true" }];

describe("fleet's API", () => {
  let clock: ManualClock;
  let registry: MemoryRegistry;
  let client: MemoryClient;
  let mirror: Mirror | undefined;
  let session: Session;
  let term: Term;
  let app: Hono;
  let stop: AbortController;

  beforeEach(async () => {
    clock = manualClock();
    stop = new AbortController();
    registry = createMemoryRegistry({ clock });
    client = registry.client();
    mirror = await client.follow(stop.signal);
    const joined = await client.join({ machine, ttl: 4_000 }, stop.signal);
    if (joined.kind !== "joined") throw new Error("not joined");
    ({ session } = joined);
    term = await session.campaign(stop.signal);
    app = api();
  });

  afterEach(() => stop.abort(new Error("the test is over")));

  const api = (tokenLimit = 100): Hono =>
    createApi({
      registry: client,
      mirror: () => mirror,
      version: "0.1.0",
      tokenLimit,
      clock,
      log: silentLog(),
    });
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    type = "application/json",
  ): Promise<Response> =>
    await app.request(path, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === "string" ? body : JSON.stringify(body),
            headers: { "content-type": type },
          }),
    });
  const get = async (path: string): Promise<unknown> => await (await send("GET", path)).json();
  const error = async (response: Response): Promise<[number, string]> => {
    const { error } = (await response.json()) as { error: { code: number; message: string } };
    expect(error.code).toBe(response.status);
    return [error.code, error.message];
  };
  const put = async (name: string, body: object): Promise<Response> =>
    await send("PUT", `/fleet/v1/units/${encodeURIComponent(name)}`, body);
  const place = async (unit: string): Promise<void> => {
    await term.commit([{ kind: "place", placement: { unit, machineID: machine.id, reason: "test" } }]);
  };
  const publish = async (unit: string, reached: "loaded" | "launched"): Promise<void> => {
    await session.putState({
      unit,
      machineID: machine.id,
      hash: "abc",
      load: "loaded",
      active: reached === "launched" ? "active" : "inactive",
      sub: reached === "launched" ? "running" : "dead",
      reached,
    });
  };

  it("says who answers, in JSON", async () => {
    const response = await send("GET", "/fleet/v1/machines");
    expect(response.headers.get("server")).toBe("fleetd/0.1.0");
    expect(response.headers.get("content-type")).toContain("application/json");
  });

  it("lists machines with keys in alphabetical order", async () => {
    const text = await (await send("GET", "/v1-alpha/machines")).text();
    expect(text).toBe(
      `{"machines":[{"id":"${machine.id}","metadata":{"region":"a","zone":"b"},"primaryIP":"10.0.0.1"}]}`,
    );
  });

  it("leaves out what is empty", async () => {
    expect(await get("/fleet/v1/units")).toEqual({});
    expect(await get("/fleet/v1/state")).toEqual({});
  });

  it.each(["/", "/fleet/v1", "/v1-alpha"])("has nothing to say at %s", async (path) => {
    expect(await error(await send("GET", path))).toEqual([405, ""]);
  });

  it.each(["/bogus", "/fleet/v1/bogus", "/fleet/v1/units/", "/fleet/v1/units/a/b"])(
    "does not know %s",
    async (path) => {
      expect(await error(await send("GET", path))).toEqual([404, ""]);
    },
  );

  it.each([
    ["DELETE", "/fleet/v1/machines", "only GET and PATCH supported against this resource"],
    ["POST", "/fleet/v1/units", "only GET supported against this resource"],
    ["POST", "/fleet/v1/units/a.service", "only GET, PUT and DELETE supported against this resource"],
    ["PUT", "/fleet/v1/state", "only GET supported against this resource"],
    ["PUT", "/fleet/v1/state/a.service", "only GET supported against this resource"],
  ])("refuses %s on %s", async (method, path, message) => {
    expect(await error(await send(method, path))).toEqual([405, message]);
  });

  it("says that metadata cannot be changed yet", async () => {
    const response = await send("PATCH", "/fleet/v1/machines", []);
    expect(await error(response)).toEqual([400, "changing the metadata of machines is not supported yet"]);
  });

  it("creates a unit, inactive when nothing else is said, and shows it at once", async () => {
    const response = await put("a.service", { options });
    expect(response.status).toBe(201);
    expect(await response.text()).toBe("");
    expect(await (await send("GET", "/fleet/v1/units/a.service")).text()).toBe(
      '{"currentState":"inactive","desiredState":"inactive","name":"a.service",' +
        '"options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 100"}]}',
    );
  });

  it("takes names with an escaped @", async () => {
    expect(
      (await put("a@1.service", { name: "a@1.service", options, desiredState: "launched" })).status,
    ).toBe(201);
    expect(await get("/fleet/v1/units/a%401.service")).toMatchObject({ name: "a@1.service" });
  });

  it.each([
    [
      "another name in the body",
      "a.service",
      { name: "b.service", options },
      400,
      'name in URL "a.service" differs from unit name in request body "b.service"',
    ],
    ["a bad name", "a.bogus", { options }, 400, 'invalid unit type: "bogus"'],
    [
      "no options for a new unit",
      "a.service",
      { desiredState: "launched" },
      409,
      "unit does not exist and options field empty",
    ],
    [
      "a launched template",
      "a@.service",
      { options, desiredState: "launched" },
      400,
      'cannot activate template "a@.service"',
    ],
    [
      "a state that is none",
      "a.service",
      { options, desiredState: "active" },
      400,
      'invalid desiredState "active": expect inactive, loaded or launched',
    ],
    [
      "options that contradict",
      "a.service",
      { options: [...global, { section: "X-Fleet", name: "MachineOf", value: "b.service" }] },
      400,
      "Global cannot be used with Peers",
    ],
    [
      "a broken option",
      "a.service",
      { options: [{ name: 1 }] },
      400,
      "unable to decode body: options[0] is not an object of the texts section, name and value",
    ],
  ])("refuses %s and stores nothing", async (_, name, body, status, message) => {
    expect(await error(await put(name, body))).toEqual([status, message]);
    expect(registry.snapshot.units.size).toBe(0);
  });

  it("refuses what is no JSON, or does not call itself JSON", async () => {
    const [status, message] = await error(await send("PUT", "/fleet/v1/units/a.service", "{"));
    expect([status, message.startsWith("unable to decode body: ")]).toEqual([400, true]);
    expect(await error(await send("PUT", "/fleet/v1/units/a.service", "{}", "text/plain"))).toEqual([
      415,
      "only acceptable Content-Type is application/json",
    ]);
    expect(await error(await send("PUT", "/fleet/v1/units/a.service"))).toEqual([
      415,
      "expected 1 Content-Type, got 0",
    ]);
    const twice = await send("PUT", "/fleet/v1/units/a.service", "{}", "application/json, application/json");
    expect(await error(twice)).toEqual([415, "expected 1 Content-Type, got 2"]);
  });

  it("takes a content type with a character set", async () => {
    const response = await send(
      "PUT",
      "/fleet/v1/units/a.service",
      { options },
      "application/json; charset=utf-8",
    );
    expect(response.status).toBe(201);
  });

  it("refuses a body that is too large", async () => {
    const huge = { options: [{ section: "Service", name: "ExecStart", value: "x".repeat(5_000_000) }] };
    expect(await error(await put("a.service", huge))).toEqual([
      413,
      "the request body exceeds 4194304 bytes",
    ]);
  });

  it("changes the desired state of a unit that is there", async () => {
    await put("a.service", { options });
    expect((await put("a.service", { desiredState: "launched" })).status).toBe(204);
    expect((await put("a.service", { desiredState: "loaded", options })).status).toBe(204);
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({ desiredState: "loaded" });
    expect(await error(await put("a.service", { desiredState: "running" }))).toMatchObject([
      400,
      expect.anything(),
    ]);
    expect(await error(await put("a.service", {}))).toEqual([
      409,
      "must provide DesiredState to update existing unit",
    ]);
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({ desiredState: "loaded" });
  });

  it("replaces the content of a unit, checking the new one too", async () => {
    await put("a.service", { options, desiredState: "launched" });
    const bad = [
      ...other,
      { section: "X-Fleet", name: "Conflicts", value: "x" },
      { section: "X-Fleet", name: "MachineID", value: "1" },
    ];
    expect(await error(await put("a.service", { options: bad }))).toEqual([
      400,
      "MachineID cannot be used with Conflicts",
    ]);
    expect((await put("a.service", { options: other })).status).toBe(201);
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({
      desiredState: "inactive",
      options: other,
    });
  });

  it("deletes a unit once", async () => {
    await put("a.service", { options });
    expect((await send("DELETE", "/fleet/v1/units/a.service")).status).toBe(204);
    expect(await error(await send("DELETE", "/fleet/v1/units/a.service"))).toEqual([
      404,
      "unit does not exist",
    ]);
    expect(await error(await send("GET", "/fleet/v1/units/a.service"))).toEqual([404, "unit does not exist"]);
  });

  it("derives the current state from what the agent of the chosen machine published", async () => {
    await put("a.service", { options, desiredState: "launched" });
    await place("a.service");
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({
      currentState: "inactive",
      machineID: machine.id,
    });
    await publish("a.service", "loaded");
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({ currentState: "loaded" });
    await publish("a.service", "launched");
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({ currentState: "launched" });
  });

  it("computes no state for a global unit", async () => {
    await put("g.service", { options: global, desiredState: "launched" });
    await publish("g.service", "launched");
    expect(await get("/fleet/v1/units/g.service")).toEqual({
      desiredState: "launched",
      name: "g.service",
      options: global,
    });
  });

  it("says why a wanted unit runs nowhere, until it does", async () => {
    await put("a.service", { options, desiredState: "launched" });
    const reasons = [{ machineID: machine.id, why: "local Machine metadata insufficient" }];
    await term.commit([
      { kind: "refuse", refusal: { unit: "a.service", summary: "no machine fits", reasons } },
    ]);
    expect(await get("/fleet/v1/units/a.service")).toMatchObject({
      refusal: { reasons, summary: "no machine fits" },
    });
    await term.commit([{ kind: "forgive", unit: "a.service" }]);
    await place("a.service");
    expect(await get("/fleet/v1/units/a.service")).not.toHaveProperty("refusal");
  });

  it("shows states, all or by unit and machine", async () => {
    await publish("b.service", "loaded");
    await publish("a.service", "launched");
    const shown = {
      hash: "abc",
      machineID: machine.id,
      name: "a.service",
      systemdActiveState: "active",
      systemdLoadState: "loaded",
      systemdSubState: "running",
    };
    expect(await get("/fleet/v1/state")).toMatchObject({
      states: [{ name: "a.service" }, { name: "b.service" }],
    });
    expect(await get("/fleet/v1/state?unitName=a.service")).toEqual({ states: [shown] });
    expect(await get(`/fleet/v1/state?unitName=b.service&machineID=${machine.id}`)).toMatchObject({
      states: [{ name: "b.service" }],
    });
    expect(await get("/fleet/v1/state?machineID=x")).toEqual({});
    expect(await get("/fleet/v1/state/a.service")).toEqual(shown);
    expect(await error(await send("GET", "/fleet/v1/state/none.service"))).toEqual([
      404,
      "unit state does not exist",
    ]);
  });

  it("hands out pages and no empty one at the end", async () => {
    app = api(2);
    for (const name of ["a", "b", "c", "d"]) await put(`${name}.service`, { options });
    const first = (await get("/fleet/v1/units")) as { units: { name: string }[]; nextPageToken: string };
    expect(first.units.map(({ name }) => name)).toEqual(["a.service", "b.service"]);
    const second = (await get(`/fleet/v1/units?nextPageToken=${first.nextPageToken}`)) as typeof first;
    expect(second.units.map(({ name }) => name)).toEqual(["c.service", "d.service"]);
    expect(second).not.toHaveProperty("nextPageToken");
    expect(await error(await send("GET", "/fleet/v1/units?nextPageToken=nonsense"))).toMatchObject([
      400,
      expect.anything(),
    ]);
  });

  it("answers 503 to everything before it has joined", async () => {
    mirror = undefined;
    for (const path of ["/fleet/v1/units", "/fleet/v1/machines", "/fleet/v1/units/a.service"]) {
      expect(await error(await send("GET", path))).toEqual([
        503,
        "fleet server unable to communicate with etcd",
      ]);
    }
  });

  it("waits a little for etcd, then says that it is away", async () => {
    registry.stop();
    const answer = send("GET", "/fleet/v1/units");
    await clock.advance(2_000);
    expect(await error(await answer)).toEqual([503, "fleet server unable to communicate with etcd"]);
    const patient = send("GET", "/fleet/v1/units");
    await clock.advance(1_000);
    registry.start();
    expect((await patient).status).toBe(200);
  });
});
