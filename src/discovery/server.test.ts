import { describe, expect, it } from "vitest";
import type { Registry } from "./registry.ts";
import { discoveryApp } from "./server.ts";

/** The six shapes of requests that an etcd member sends, word for word, and what etcd itself would answer. */

function aService(registry?: Registry): {
  ask: (method: string, path: string, value?: string) => Promise<Answer>;
  saved: () => Registry | undefined;
} {
  let saved: Registry | undefined;
  const save = (next: Registry): Promise<void> => {
    saved = next;
    return Promise.resolve();
  };
  const app = discoveryApp({ save, ...(registry === undefined ? {} : { registry }) });
  return {
    saved: () => saved,
    ask: async (method, path, value) => {
      const body = value === undefined ? {} : { body: new URLSearchParams({ value }) };
      const answer = await app.request(`http://discovery:8087${path}`, { method, ...body });
      const text = await answer.text();
      return { status: answer.status, index: answer.headers.get("x-etcd-index"), text };
    },
  };
}

interface Answer {
  readonly status: number;
  readonly index: string | null;
  readonly text: string;
}

const body = (answer: Answer): unknown => JSON.parse(answer.text) as unknown;

describe("the discovery service", () => {
  it("makes a token of a size, three unless said", async () => {
    const { ask } = aService();
    const made = await ask("GET", "/new");
    expect(made).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^http:\/\/discovery:8087\/[0-9a-f]{32}$/) as string,
    });
    const size = await ask(
      "GET",
      `${new URL(made.text).pathname}/_config/size?quorum=false&recursive=false&sorted=false`,
    );
    expect(body(size)).toMatchObject({
      action: "get",
      node: { value: "3", createdIndex: 4, modifiedIndex: 4 },
    });
    expect((await ask("GET", "/new?size=many")).status).toBe(400);
  });

  it("lists members in the order in which they came, and not the token's own settings", async () => {
    const { ask } = aService();
    await ask("PUT", "/t/_config/size", "2");
    expect(body(await ask("GET", "/t"))).toEqual({
      action: "get",
      node: { key: "/_etcd/registry/t", dir: true, createdIndex: 4, modifiedIndex: 4 },
    });
    expect(await ask("PUT", "/t/b?prevExist=false", "m2=http://10.0.0.2:2380")).toMatchObject({
      status: 201,
      index: "5",
    });
    await ask("PUT", "/t/a?prevExist=false", "m1=http://10.0.0.1:2380&m1=http://10.0.0.1:7001");
    const { node } = body(await ask("GET", "/t")) as { node: { nodes: { key: string; value: string }[] } };
    expect(node.nodes.map(({ key, value }) => [key, value])).toEqual([
      ["/_etcd/registry/t/b", "m2=http://10.0.0.2:2380"],
      ["/_etcd/registry/t/a", "m1=http://10.0.0.1:2380&m1=http://10.0.0.1:7001"],
    ]);
  });

  it("takes a member once", async () => {
    const { ask } = aService();
    await ask("PUT", "/t/_config/size", "1");
    await ask("PUT", "/t/a?prevExist=false", "m1=u");
    const second = await ask("PUT", "/t/a?prevExist=false", "m1=u");
    expect([second.status, body(second)]).toEqual([
      412,
      { errorCode: 105, message: "Key already exists", cause: "/_etcd/registry/t/a", index: 5 },
    ]);
    await ask("DELETE", "/t/a");
    expect((await ask("PUT", "/t/a?prevExist=false", "m1=u")).status).toBe(201);
  });

  it("tells a waiting member of the next one, also when that came before the question", async () => {
    const { ask } = aService();
    await ask("PUT", "/t/_config/size", "2");
    const early = ask("GET", "/t?recursive=true&wait=true&waitIndex=5");
    await ask("PUT", "/t/a", "m1=u");
    const late = ask("GET", "/t/a?recursive=false&wait=true&waitIndex=5");
    for (const answer of [await early, await late]) {
      expect(body(answer)).toMatchObject({
        action: "create",
        node: { key: "/_etcd/registry/t/a", createdIndex: 5 },
      });
    }
  });

  it("goes on from what it has stored", async () => {
    const first = aService();
    await first.ask("PUT", "/t/_config/size", "2");
    await first.ask("PUT", "/t/a", "m1=u");
    const second = aService(first.saved());
    expect(body(await second.ask("GET", "/t?wait=true&waitIndex=5"))).toMatchObject({
      node: { value: "m1=u" },
    });
    expect(await second.ask("PUT", "/t/b", "m2=u")).toMatchObject({ status: 201, index: "6" });
  });

  it.each([
    ["GET", "/gone"],
    ["GET", "/gone/_config/size"],
    ["GET", "/gone/a"],
    ["PUT", "/gone/a"],
  ])("answers %s %s as etcd does for a key that is not there", async (method, path) => {
    const answer = await aService().ask(method, path, method === "PUT" ? "v" : undefined);
    expect(answer.status).toBe(404);
    expect(body(answer)).toMatchObject({ errorCode: 100, message: "Key not found" });
  });

  it("takes no token whose name is one of its own, and says that it is well", async () => {
    const { ask } = aService();
    expect((await ask("PUT", "/_etcd/_config/size", "3")).status).toBe(400);
    expect(await ask("GET", "/health")).toMatchObject({ status: 200, text: "OK" });
  });
});
