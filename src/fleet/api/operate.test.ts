import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiStage, apiStage, errorOf, machine, options } from "../../../test/support/api-stage.ts";

describe("what the API has for operators", () => {
  let stage: ApiStage;
  beforeEach(async () => {
    stage = await apiStage();
  });
  afterEach(() => stage.close());

  const path = `/fleet/v1/cordons/${machine.id}`;

  it("keeps a cordon until it is taken back, and leaves the list of machines as it was", async () => {
    const before = await (await stage.send("GET", "/fleet/v1/machines")).text();
    expect(await stage.get("/fleet/v1/cordons")).toEqual({ cordons: [] });
    expect((await stage.send("PUT", path)).status).toBe(204);
    expect(await stage.get("/fleet/v1/cordons")).toEqual({ cordons: [{ machineID: machine.id, since: 0 }] });
    expect(await (await stage.send("GET", "/fleet/v1/machines")).text()).toBe(before);
    expect((await stage.send("DELETE", path)).status).toBe(204);
    expect(await errorOf(await stage.send("DELETE", path))).toEqual([404, "machine is not cordoned"]);
  });

  it("refuses to cordon a machine that is not there, and other methods", async () => {
    const stranger = await stage.send("PUT", "/fleet/v1/cordons/ffff");
    expect(await errorOf(stranger)).toEqual([404, "machine does not exist"]);
    expect((await stage.send("POST", path)).status).toBe(405);
    expect((await stage.send("PUT", "/fleet/v1/cordons")).status).toBe(405);
  });

  it("explains a unit", async () => {
    await stage.put("a.service", { desiredState: "launched", options });
    await stage.place("a.service");
    expect(await stage.get("/fleet/v1/units/a.service/explanation")).toMatchObject({
      unit: "a.service",
      fate: "placed",
      machineID: machine.id,
      summary: "test",
      machines: [{ machineID: machine.id, verdict: "here" }],
    });
    const none = await stage.send("GET", "/fleet/v1/units/none.service/explanation");
    expect(await errorOf(none)).toEqual([404, "unit does not exist"]);
  });
});
