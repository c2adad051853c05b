import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiStage, apiStage, errorOf, globalOptions, options } from "../../../test/support/api-stage.ts";

const other = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 200" }];

describe("changing units through fleet's API", () => {
  let stage: ApiStage;

  beforeEach(async () => {
    stage = await apiStage();
  });

  afterEach(() => stage.close());

  it("creates a unit, inactive when nothing else is said, and shows it at once", async () => {
    const response = await stage.put("a.service", { options });
    expect(response.status).toBe(201);
    expect(await response.text()).toBe("");
    expect(await (await stage.send("GET", "/fleet/v1/units/a.service")).text()).toBe(
      '{"currentState":"inactive","desiredState":"inactive","name":"a.service",' +
        '"options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 100"}]}',
    );
  });

  it("takes names with an escaped @", async () => {
    expect(
      (await stage.put("a@1.service", { name: "a@1.service", options, desiredState: "launched" })).status,
    ).toBe(201);
    expect(await stage.get("/fleet/v1/units/a%401.service")).toMatchObject({ name: "a@1.service" });
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
    ["a path for a name", "../a.service", { options }, 400, "invalid character '/' in unit name"],
    [
      "a NUL in the content",
      "a.service",
      { options: [{ section: "Service", name: "ExecStart", value: "/bin/true\0" }] },
      400,
      'option "ExecStart" of section "Service" cannot be written to a unit file',
    ],
    [
      "a desired state that is no text",
      "a.service",
      { options, desiredState: 7 },
      400,
      "unable to decode body: ",
    ],
    ["options that are no list", "a.service", { options: "x" }, 400, "unable to decode body: "],
    ["a body that is a list", "a.service", [], 400, "unable to decode body: "],
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
      { options: [...globalOptions, { section: "X-Fleet", name: "MachineOf", value: "b.service" }] },
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
    expect(await errorOf(await stage.put(name, body))).toEqual([status, expect.stringContaining(message)]);
    expect(stage.registry.snapshot.units.size).toBe(0);
  });

  it("refuses what is no JSON, or does not call itself JSON", async () => {
    const [status, message] = await errorOf(await stage.send("PUT", "/fleet/v1/units/a.service", "{"));
    expect([status, message.startsWith("unable to decode body: ")]).toEqual([400, true]);
    expect(await errorOf(await stage.send("PUT", "/fleet/v1/units/a.service", "{}", "text/plain"))).toEqual([
      415,
      "only acceptable Content-Type is application/json",
    ]);
    expect(await errorOf(await stage.send("PUT", "/fleet/v1/units/a.service"))).toEqual([
      415,
      "expected 1 Content-Type, got 0",
    ]);
    const twice = await stage.send(
      "PUT",
      "/fleet/v1/units/a.service",
      "{}",
      "application/json, application/json",
    );
    expect(await errorOf(twice)).toEqual([415, "expected 1 Content-Type, got 2"]);
  });

  it("takes a content type with a character set", async () => {
    const response = await stage.send(
      "PUT",
      "/fleet/v1/units/a.service",
      { options },
      "application/json; charset=utf-8",
    );
    expect(response.status).toBe(201);
  });

  it("refuses a body that is too large", async () => {
    const huge = { options: [{ section: "Service", name: "ExecStart", value: "x".repeat(5_000_000) }] };
    expect(await errorOf(await stage.put("a.service", huge))).toEqual([
      413,
      "the request body exceeds 4194304 bytes",
    ]);
  });

  it("changes the desired state of a unit that is there", async () => {
    await stage.put("a.service", { options });
    expect((await stage.put("a.service", { desiredState: "launched" })).status).toBe(204);
    expect((await stage.put("a.service", { desiredState: "loaded", options })).status).toBe(204);
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({ desiredState: "loaded" });
    expect(await errorOf(await stage.put("a.service", { desiredState: "running" }))).toMatchObject([
      400,
      expect.anything(),
    ]);
    expect(await errorOf(await stage.put("a.service", {}))).toEqual([
      409,
      "must provide DesiredState to update existing unit",
    ]);
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({ desiredState: "loaded" });
  });

  it("replaces the content of a unit, checking the new one too", async () => {
    await stage.put("a.service", { options, desiredState: "launched" });
    const bad = [
      ...other,
      { section: "X-Fleet", name: "Conflicts", value: "x" },
      { section: "X-Fleet", name: "MachineID", value: "1" },
    ];
    expect(await errorOf(await stage.put("a.service", { options: bad }))).toEqual([
      400,
      "MachineID cannot be used with Conflicts",
    ]);
    expect((await stage.put("a.service", { options: other })).status).toBe(201);
    expect(await stage.get("/fleet/v1/units/a.service")).toMatchObject({
      desiredState: "inactive",
      options: other,
    });
  });

  it("deletes a unit once", async () => {
    await stage.put("a.service", { options });
    expect((await stage.send("DELETE", "/fleet/v1/units/a.service")).status).toBe(204);
    expect(await errorOf(await stage.send("DELETE", "/fleet/v1/units/a.service"))).toEqual([
      404,
      "unit does not exist",
    ]);
    expect(await errorOf(await stage.send("GET", "/fleet/v1/units/a.service"))).toEqual([
      404,
      "unit does not exist",
    ]);
  });
});
