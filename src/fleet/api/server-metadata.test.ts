import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiStage, apiStage, errorOf, machine } from "../../../test/support/api-stage.ts";

describe("changing the metadata of machines", () => {
  let stage: ApiStage;

  beforeEach(async () => {
    stage = await apiStage();
  });

  afterEach(() => stage.close());

  const path = (key: string, id = machine.id): string => `/${id}/metadata/${key}`;
  const patch = (body: unknown): Promise<Response> => stage.send("PATCH", "/fleet/v1/machines", body);
  const metadata = async (): Promise<unknown> => {
    const { machines } = (await stage.get("/fleet/v1/machines")) as { machines: { metadata?: object }[] };
    return machines[0]?.metadata;
  };

  it("adds, replaces and removes, over what the machine came with", async () => {
    const response = await patch([
      { op: "add", path: path("rack"), value: "7" },
      { op: "replace", path: path("region"), value: { value: "moon" } },
      { op: "remove", path: path("zone") },
    ]);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await metadata()).toEqual({ rack: "7", region: "moon" });
  });

  it.each([
    ["the text itself, as fleet's documentation shows it", "x"],
    ["an object with the text, as fleet's server took it", { value: "x" }],
  ])("takes as a value %s", async (_, value) => {
    expect((await patch([{ op: "add", path: path("k"), value }])).status).toBe(204);
    expect(await metadata()).toMatchObject({ k: "x" });
  });

  it("hides what the machine came with by an empty text", async () => {
    await patch([{ op: "add", path: path("zone"), value: "" }]);
    expect(await metadata()).toEqual({ region: "a" });
  });

  it("takes machines that are not there, and content of any type", async () => {
    const body = [{ op: "add", path: path("k", "absent"), value: "x" }];
    expect((await stage.send("PATCH", "/v1-alpha/machines", body, "text/plain")).status).toBe(204);
    expect((await patch([])).status).toBe(204);
  });

  const good = { op: "add", path: path("k"), value: "x" };
  it.each([
    ["not JSON", "{", "unable to decode body: "],
    ["no list", {}, "unable to decode body: expected a JSON list of operations"],
    ["a list of texts", ["x"], "unable to decode body: an operation is not an object"],
    ["another operation", [{ ...good, op: "move" }], "invalid op: expect add, remove, or replace"],
    ["no operation", [{ path: path("k"), value: "x" }], "invalid op: expect add, remove, or replace"],
    ["a key with a slash", [{ ...good, path: path("a/b") }], "machine metadata path invalid"],
    ["a key with a blank", [{ ...good, path: path("a b") }], "machine metadata path invalid"],
    ["no key", [{ ...good, path: path("") }], "machine metadata path invalid"],
    ["no machine", [{ ...good, path: "//metadata/k" }], "machine metadata path invalid"],
    ["no path", [{ op: "remove" }], "machine metadata path invalid"],
    ["no value", [{ op: "add", path: path("k") }], "invalid value: add and replace require a value"],
    ["a number", [{ ...good, value: 7 }], "invalid value: add and replace require a value"],
    ["an object without value", [{ ...good, value: {} }], "invalid value: add and replace require a value"],
    ["a good one before a bad one", [good, { op: "remove" }], "machine metadata path invalid"],
    ["too many", Array.from({ length: 101 }, () => good), "too many operations: 101, at most 100"],
  ])("refuses %s and changes nothing", async (_, body, message) => {
    const [status, said] = await errorOf(await patch(body));
    expect([status, said.startsWith(message)]).toEqual([400, true]);
    expect(await metadata()).toEqual({ region: "a", zone: "b" });
  });

  it("refuses a body that is too large", async () => {
    const response = await patch([{ ...good, value: "x".repeat(5_000_000) }]);
    expect((await errorOf(response))[0]).toBe(413);
  });
});
