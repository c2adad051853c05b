import { describe, expect, it } from "vitest";
import type { ApiResponse } from "../api/client.ts";
import { recogniseEtcd } from "./wrong-server.ts";

/** A server of these answers; all else is not found, in Go's words. */
function server(answers: Readonly<Record<string, ApiResponse>>): {
  asked: string[];
  ask(path: string): Promise<ApiResponse>;
} {
  const asked: string[] = [];
  const transport = recogniseEtcd(async ({ path }) => {
    asked.push(path);
    return answers[path] ?? { status: 404, body: "404 page not found\n" };
  }, "http://10.0.0.1:4001");
  return { asked, ask: (path) => transport({ method: "GET", path }) };
}

describe("an endpoint that may not be fleet", () => {
  it("is recognised as etcd, and the user told how to go on", async () => {
    const etcd = server({
      "/version": { status: 200, body: '{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}' },
    });
    await expect(etcd.ask("/fleet/v1/units/a.service")).rejects.toMatchObject({
      code: "E_USAGE",
      message: "Unable to initialize client: http://10.0.0.1:4001 is etcd, not fleet's API",
      hint: expect.stringContaining("--tunnel") as string,
    });
  });

  it.each([
    [
      "a unit that is not there",
      { status: 404, body: '{"error":{"code":404,"message":"unit does not exist"}}' },
    ],
    ["an empty list", { status: 200, body: "{}" }],
    ["a change", { status: 204, body: "" }],
    ["lost etcd", { status: 503, body: '{"error":{"code":503,"message":"fleet server unable …"}}' }],
  ])("is not asked again once it has answered with %s", async (_, answer) => {
    const fleet = server({ "/x": answer });
    expect(await fleet.ask("/x")).toEqual(answer);
    expect(fleet.asked).toEqual(["/x"]);
  });

  it("may be something else altogether, which others complain about", async () => {
    expect(await server({}).ask("/x")).toMatchObject({ status: 404 });
    expect(await server({ "/x": { status: 200, body: "<html>" } }).ask("/x")).toMatchObject({
      body: "<html>",
    });
  });
});
