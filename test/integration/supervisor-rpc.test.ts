import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AppError } from "../../src/foundation/errors.ts";
import type { Handler } from "../../src/provider/nspawn/supervisor/rpc.ts";
import { call, serve } from "../../src/provider/nspawn/supervisor/rpc.ts";

describe("talking to a supervisor", () => {
  const { signal } = new AbortController();
  let dir: string;
  let socket: string;
  let server: Server | undefined;
  const listen = async (handler: Handler): Promise<void> => {
    server = await serve(socket, handler);
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "rpc-"));
    socket = join(dir, "socket");
    server = undefined;
  });
  afterEach(() => {
    server?.close();
    rmSync(dir, { recursive: true });
  });

  it("gives the answer to what was asked", async () => {
    await listen(async (method, node) => `${method} ${node}`);
    expect(await call(socket, { method: "start", node: "core-01" }, signal)).toEqual({
      result: "start core-01",
    });
  });

  it("is for the socket's owner only", async () => {
    await listen(async () => undefined);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it("tells nobody from somebody", async () => {
    expect(await call(socket, { method: "ping" }, signal)).toBeUndefined();
  });

  it("carries an error with its code, details and hint", async () => {
    await listen(async () => {
      throw new AppError("E_IN_USE", "taken", { details: ["by eth0"], hint: "take another" });
    });
    await expect(call(socket, { method: "start" }, signal)).rejects.toMatchObject({
      code: "E_IN_USE",
      message: "taken",
      details: ["by eth0"],
      hint: "take another",
    });
  });

  it("answers several at once, the quick before the slow", async () => {
    const slow = Promise.withResolvers<void>();
    await listen(async (method) => (method === "slow" ? await slow.promise : undefined));
    const waiting = call(socket, { method: "slow" }, signal);
    expect(await call(socket, { method: "quick" }, signal)).toEqual({ result: null });
    slow.resolve();
    expect(await waiting).toEqual({ result: null });
  });

  it("ends with the caller's signal, but not what was asked for", async () => {
    const done = Promise.withResolvers<string>();
    const go = Promise.withResolvers<void>();
    await listen(async () => {
      await go.promise;
      done.resolve("done");
    });
    const caller = new AbortController();
    const waiting = call(socket, { method: "halt" }, caller.signal);
    caller.abort(new Error("interrupted"));
    await expect(waiting).rejects.toThrow("interrupted");
    // The request itself was on its way before the caller went.
    const second = call(socket, { method: "halt" }, signal);
    go.resolve();
    await second;
    expect(await done.promise).toBe("done");
  });

  it("outlives a caller that is killed with an answer it has not read", async () => {
    await listen(async () => "an answer");
    const caller = connect(socket).pause();
    caller.write(`${JSON.stringify({ method: "holds", node: "" })}\n`);
    const connection = await new Promise<Socket>((accepted) => server?.once("connection", accepted));
    const closed = new Promise((done) => connection.once("close", done));
    await vi.waitFor(() => expect(connection.bytesWritten).toBeGreaterThan(0));
    caller.destroy();
    await closed;
    expect(await call(socket, { method: "holds" }, signal)).toEqual({ result: "an answer" });
  });

  it("says so when the supervisor ends without an answer", async () => {
    const asked = Promise.withResolvers<void>();
    await listen(() => {
      asked.resolve();
      return new Promise(() => undefined);
    });
    server?.on("connection", (connection) => void asked.promise.then(() => connection.destroy()));
    await expect(call(socket, { method: "start" }, signal)).rejects.toMatchObject({
      code: "E_NODE_UNREACHABLE",
    });
  });
});
