import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../src/foundation/log.ts";
import { createRelays, type Relays } from "../../src/provider/gateway/relays.ts";

/** All of 127.0.0.0/8 is this host: 127.0.0.2 stands for the gateway. */
const gateway = "127.0.0.2";
let proxy: Server;
let port: number;
let relays: Relays;

beforeEach(async () => {
  proxy = createServer((socket) => socket.end("proxy"));
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  port = (proxy.address() as AddressInfo).port;
  relays = createRelays(silentLog());
});
afterEach(() => {
  relays.close();
  proxy.close();
});

async function ask(address: string): Promise<string> {
  const socket = connect(port, address);
  let text = "";
  socket.on("data", (part: Buffer) => (text += part.toString()));
  await once(socket, "close");
  return text;
}

describe("a proxy on this host's loopback", () => {
  it("is reached at the gateway while it is wanted, and not after", async () => {
    await relays.apply(gateway, [{ host: "localhost", port }]);
    await relays.apply(gateway, [{ host: "localhost", port }]);
    expect(await ask(gateway)).toBe("proxy");
    await relays.apply(gateway, []);
    await expect(ask(gateway)).rejects.toThrow("ECONNREFUSED");
  });

  it("that listens on all addresses needs no help", async () => {
    const everywhere = createServer((socket) => socket.end("itself"));
    everywhere.listen(port, gateway);
    await once(everywhere, "listening");
    await relays.apply(gateway, [{ host: "127.0.0.1", port }]);
    expect(await ask(gateway)).toBe("itself");
    everywhere.close();
  });

  it("that is away just now ends the connection, and is reached when it is back", async () => {
    await relays.apply(gateway, [{ host: "127.0.0.1", port }]);
    await once(proxy.close(), "close");
    expect(await ask(gateway).catch(() => "")).toBe("");
    proxy = createServer((socket) => socket.end("back")).listen(port, "127.0.0.1");
    await once(proxy, "listening");
    expect(await ask(gateway)).toBe("back");
  });
});
