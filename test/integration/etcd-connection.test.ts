import { once } from "node:events";
import { createServer, type Http2Session, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/foundation/clock.ts";
import { openConnection, type Connection } from "../../src/fleet/registry/etcd/connection.ts";

let server: Http2Server;
let connection: Connection;
beforeEach(async () => {
  server = createServer((_, answer) => answer.end("here"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  connection = openConnection(`http://127.0.0.1:${port}`, { clock: systemClock(), patience: 1 });
});
afterEach(async () => {
  connection.close();
  const closed = once(server, "close");
  server.close();
  await closed;
});

/** The session over which a question was answered. */
async function ask(): Promise<Http2Session> {
  const stream = await connection.request("GET", "/", {}, {});
  const { session } = stream;
  await once(stream.resume(), "end");
  if (session === undefined) throw new Error("the stream belongs to no session");
  return session;
}

it("a request goes over a new connection as soon as the old one has ended, though its socket is not closed yet", async () => {
  const first = await ask();
  expect((await ask()) === first).toBe(true);
  first.destroy();
  expect((await ask()) === first).toBe(false);
});
