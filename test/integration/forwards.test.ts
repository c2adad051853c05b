import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Forwarder, WantedForward } from "../../src/provider/nspawn/forwards.ts";
import { createForwarder, readForwards, sshForwards } from "../../src/provider/nspawn/forwards.ts";
import { freePort } from "../support/ports.ts";

describe("forwarded ports", () => {
  let stateDir: string;
  let forwarder: Forwarder;
  const servers: Server[] = [];
  const forwarders: Forwarder[] = [];

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "forwards-"));
    forwarder = open();
  });
  afterEach(() => {
    for (const one of forwarders.splice(0)) one.close();
    for (const server of servers.splice(0)) server.close();
    rmSync(stateDir, { recursive: true });
  });

  function open(): Forwarder {
    const made = createForwarder({ stateDir });
    forwarders.push(made);
    return made;
  }
  /** Something on loopback that answers, once its client has finished, with how much it heard. */
  async function counter(): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let heard = 0;
      socket.on("data", (data) => (heard += data.length));
      socket.on("end", () => socket.end(`heard ${heard}`));
    });
    return await listening(server);
  }
  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }
  async function talk(port: number, words: string): Promise<string> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(words);
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  }
  const want = async (guestPort: number, wanted: number, node = "core-01"): Promise<WantedForward> => ({
    node,
    address: "127.0.0.1",
    guestPort,
    wanted,
  });

  it("carry both directions, also after one side has finished speaking", async () => {
    const [forward] = await forwarder.apply([await want(await counter(), await freePort())]);
    expect(await talk(forward?.hostPort ?? 0, "x".repeat(200_000))).toBe("heard 200000");
  });

  it("take the next free port when theirs is busy, and say so", async () => {
    const busy = await listening(createServer());
    const [forward] = await forwarder.apply([await want(await counter(), busy)]);
    expect(forward).toMatchObject({ wanted: busy });
    expect(forward?.hostPort).toBeGreaterThan(busy);
    expect(await readForwards({ stateDir })).toEqual([forward]);
  });

  it("stay where they were when the supervisor is started anew", async () => {
    const busy = createServer();
    const wanted = await want(22, await listening(busy));
    const [before] = await forwarder.apply([wanted]);
    forwarder.close();
    await new Promise((resolve) => busy.close(resolve));
    const [after] = await open().apply([wanted]);
    expect(after?.hostPort).toBe(before?.hostPort);
  });

  it("are closed when their node is gone", async () => {
    const [forward] = await forwarder.apply([await want(await counter(), await freePort())]);
    await forwarder.apply([]);
    await expect(talk(forward?.hostPort ?? 0, "hello")).rejects.toThrow("ECONNREFUSED");
  });

  it("are opened once, also when several nodes start at the same moment", async () => {
    const wanted = await want(22, await freePort());
    const all = await Promise.all([1, 2, 3].map(() => forwarder.apply([wanted])));
    expect(new Set(all.flat().map(({ hostPort }) => hostPort))).toEqual(new Set([wanted.wanted]));
  });

  it("tell each node's ssh port", async () => {
    const ssh = [await want(22, await freePort()), await want(22, await freePort(), "core-02")];
    const forwards = await forwarder.apply([...ssh, await want(4001, await freePort())]);
    expect([...(await sshForwards({ stateDir })).entries()]).toEqual([
      ["core-01", forwards[0]?.hostPort],
      ["core-02", forwards[1]?.hostPort],
    ]);
  });

  it("drop a connection whose node does not answer, and go on", async () => {
    const dead = await freePort();
    const [forward] = await forwarder.apply([await want(dead, await freePort())]);
    expect(await talk(forward?.hostPort ?? 0, "hello").catch(() => "")).toBe("");
    expect(await talk(forward?.hostPort ?? 0, "hello").catch(() => "")).toBe("");
  });
});
