import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type ApiStage,
  apiStage,
  errorOf,
  globalOptions,
  machine,
  options,
} from "../../../test/support/api-stage.ts";

describe("fleet's API", () => {
  let stage: ApiStage;

  beforeEach(async () => {
    stage = await apiStage();
  });

  afterEach(() => stage.close());

  it("says who answers, in JSON", async () => {
    const response = await stage.send("GET", "/fleet/v1/machines");
    expect(response.headers.get("server")).toBe("fleetd/0.1.0");
    expect(response.headers.get("content-type")).toContain("application/json");
  });

  it("lists machines with keys in alphabetical order", async () => {
    const text = await (await stage.send("GET", "/v1-alpha/machines")).text();
    expect(text).toBe(
      `{"machines":[{"id":"${machine.id}","metadata":{"region":"a","zone":"b"},"primaryIP":"10.0.0.1"}]}`,
    );
  });

  it("leaves out what is empty", async () => {
    expect(await stage.get("/fleet/v1/units")).toEqual({});
    expect(await stage.get("/fleet/v1/state")).toEqual({});
  });

  it.each(["/", "/fleet/v1", "/v1-alpha"])("has nothing to say at %s", async (path) => {
    expect(await errorOf(await stage.send("GET", path))).toEqual([405, ""]);
  });

  it.each(["/bogus", "/fleet/v1/bogus", "/fleet/v1/units/", "/fleet/v1/units/a/b"])(
    "does not know %s",
    async (path) => {
      expect(await errorOf(await stage.send("GET", path))).toEqual([404, ""]);
    },
  );

  it.each([
    ["DELETE", "/fleet/v1/machines", "only GET and PATCH supported against this resource"],
    ["POST", "/fleet/v1/units", "only GET supported against this resource"],
    ["POST", "/fleet/v1/units/a.service", "only GET, PUT and DELETE supported against this resource"],
    ["PUT", "/fleet/v1/state", "only GET supported against this resource"],
    ["PUT", "/fleet/v1/state/a.service", "only GET supported against this resource"],
  ])("refuses %s on %s", async (method, path, message) => {
    expect(await errorOf(await stage.send(method, path))).toEqual([405, message]);
  });

  it("derives the current state from what the agent of the chosen machine published", async () => {
    await stage.put("a.service", { options, desiredState: "launched" });
    await stage.place("a.service");
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({
      currentState: "inactive",
      machineID: machine.id,
    });
    await stage.publish("a.service", "loaded");
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({ currentState: "loaded" });
    await stage.publish("a.service", "launched");
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({ currentState: "launched" });
  });

  it("computes no state for a globalOptions unit", async () => {
    await stage.put("g.service", { options: globalOptions, desiredState: "launched" });
    await stage.publish("g.service", "launched");
    expect(await stage.get("/fleet/v1/units/g.service")).toEqual({
      desiredState: "launched",
      name: "g.service",
      options: globalOptions,
    });
  });

  it("says why a wanted unit runs nowhere, until it does", async () => {
    await stage.put("a.service", { options, desiredState: "launched" });
    const reasons = [{ machineID: machine.id, why: "local Machine metadata insufficient" }];
    await stage.term.commit([
      { kind: "refuse", refusal: { unit: "a.service", summary: "no machine fits", reasons } },
    ]);
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({
      refusal: { reasons, summary: "no machine fits" },
    });
    await stage.term.commit([{ kind: "forgive", unit: "a.service" }]);
    await stage.place("a.service");
    expect(await stage.get("/fleet/v1/units/a.service")).not.toHaveProperty("refusal");
  });

  it("shows states, all or by unit and machine", async () => {
    await stage.publish("b.service", "loaded");
    await stage.publish("a.service", "launched");
    const shown = {
      hash: "abc",
      machineID: machine.id,
      name: "a.service",
      systemdActiveState: "active",
      systemdLoadState: "loaded",
      systemdSubState: "running",
    };
    expect(await stage.get("/fleet/v1/state")).toMatchObject({
      states: [{ name: "a.service" }, { name: "b.service" }],
    });
    expect(await stage.get("/fleet/v1/state?unitName=a.service")).toEqual({ states: [shown] });
    expect(await stage.get(`/fleet/v1/state?unitName=b.service&machineID=${machine.id}`)).toMatchObject({
      states: [{ name: "b.service" }],
    });
    expect(await stage.get("/fleet/v1/state?machineID=x")).toEqual({});
    expect(await stage.get("/fleet/v1/state/a.service")).toEqual(shown);
    expect(await errorOf(await stage.send("GET", "/fleet/v1/state/none.service"))).toEqual([
      404,
      "unit state does not exist",
    ]);
  });

  it("hands out pages and no empty one at the end", async () => {
    stage.app = stage.api(2);
    for (const name of ["a", "b", "c", "d"]) await stage.put(`${name}.service`, { options });
    const first = (await stage.get("/fleet/v1/units")) as {
      units: { name: string }[];
      nextPageToken: string;
    };
    expect(first.units.map(({ name }) => name)).toEqual(["a.service", "b.service"]);
    const second = (await stage.get(`/fleet/v1/units?nextPageToken=${first.nextPageToken}`)) as typeof first;
    expect(second.units.map(({ name }) => name)).toEqual(["c.service", "d.service"]);
    expect(second).not.toHaveProperty("nextPageToken");
    expect(await errorOf(await stage.send("GET", "/fleet/v1/units?nextPageToken=nonsense"))).toMatchObject([
      400,
      expect.anything(),
    ]);
  });

  it("answers 503 to everything before it has joined", async () => {
    stage.mirror = undefined;
    for (const path of ["/fleet/v1/units", "/fleet/v1/machines", "/fleet/v1/units/a.service"]) {
      expect(await errorOf(await stage.send("GET", path))).toEqual([
        503,
        "fleet server unable to communicate with etcd",
      ]);
    }
  });

  it("says why it has not joined where that is not etcd's silence", async () => {
    stage.mirror = undefined;
    stage.absence = { kind: "refused", why: "the machine at 10.0.0.9 has the same id" };
    for (const path of ["/fleet/v1/units", "/fleet/v1/events"]) {
      expect(await errorOf(await stage.send("GET", path))).toEqual([
        503,
        "this machine is not in the cluster: the machine at 10.0.0.9 has the same id",
      ]);
    }
    stage.absence = { kind: "etcd", why: "nobody answered" };
    const [, message] = await errorOf(await stage.send("GET", "/fleet/v1/units"));
    expect(message).toBe("fleet server unable to communicate with etcd");
  });

  it("waits a little for etcd, then says that it is away", async () => {
    stage.registry.stop();
    const answer = stage.send("GET", "/fleet/v1/units");
    await stage.clock.advance(2_000);
    expect(await errorOf(await answer)).toEqual([503, "fleet server unable to communicate with etcd"]);
    const patient = stage.send("GET", "/fleet/v1/units");
    await stage.clock.advance(1_000);
    stage.registry.start();
    expect((await patient).status).toBe(200);
  });
});
