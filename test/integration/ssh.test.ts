import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { addressOf, parseKnownHosts, pinnedHostKeys } from "../../src/foundation/known-hosts.ts";
import { generateKeyPair } from "../../src/foundation/ssh-keys.ts";
import type { SshKeyPair } from "../../src/foundation/ssh-keys.ts";
import { capture, connect } from "../../src/foundation/ssh.ts";
import type { ConnectOptions, SshConnection } from "../../src/foundation/ssh.ts";
import { startSshServer } from "../support/ssh-server.ts";
import type { TestServer } from "../support/ssh-server.ts";

const host = "127.0.0.1";
let keys: { readonly host: SshKeyPair; readonly user: SshKeyPair; readonly other: SshKeyPair };
let server: TestServer;
let folder: string;

beforeAll(async () => {
  const [hostKey, user, other] = await Promise.all(["host", "user", "other"].map(generateKeyPair));
  if (hostKey === undefined || user === undefined || other === undefined) throw new Error("no keys");
  keys = { host: hostKey, user, other };
  server = await startSshServer(hostKey.privateKey, user.publicKey);
  folder = await mkdtemp(join(tmpdir(), "flotilla-ssh-"));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function options(changes: Partial<ConnectOptions> = {}): ConnectOptions {
  const known = parseKnownHosts(`${addressOf(host, server.port)} ${keys.host.publicKey}`);
  return {
    host,
    port: server.port,
    username: "core",
    privateKey: keys.user.privateKey,
    knownHosts: pinnedHostKeys(known),
    timeout: 5_000,
    ...changes,
  };
}

async function using<T>(
  act: (ssh: SshConnection) => Promise<T>,
  changes: Partial<ConnectOptions> = {},
): Promise<T> {
  const ssh = await connect(options(changes));
  try {
    return await act(ssh);
  } finally {
    await ssh.end();
  }
}

function listen(where: string | number): Promise<Server> {
  const echo = createServer((socket) => socket.pipe(socket));
  return new Promise((resolve) => {
    const ready = (): void => resolve(echo);
    if (typeof where === "string") echo.listen(where, ready);
    else echo.listen(where, host, ready);
  });
}

describe("connecting", () => {
  it("refuses a host whose key is not the pinned one, naming both", async () => {
    const knownHosts = pinnedHostKeys(
      parseKnownHosts(`${addressOf(host, server.port)} ${keys.other.publicKey}`),
    );
    await expect(connect(options({ knownHosts }))).rejects.toMatchObject({
      code: "E_HOST_KEY",
      details: [expect.stringContaining("SHA256:"), expect.stringContaining("SHA256:")],
    });
  });

  it("refuses a host of which no key is known", async () => {
    const knownHosts = pinnedHostKeys(parseKnownHosts(""));
    await expect(connect(options({ knownHosts }))).rejects.toMatchObject({ code: "E_HOST_KEY" });
  });

  it("says that the key was not accepted", async () => {
    await expect(connect(options({ privateKey: keys.other.privateKey }))).rejects.toMatchObject({
      code: "E_NODE_UNREACHABLE",
      message: expect.stringContaining("accepts none of our keys"),
    });
  });

  it("says that nobody listens", async () => {
    const echo = await listen(0);
    const { port } = echo.address() as AddressInfo;
    await new Promise((resolve) => echo.close(resolve));
    await expect(connect(options({ port }))).rejects.toMatchObject({ code: "E_NODE_UNREACHABLE" });
  });

  it("gives up on a host that accepts and stays silent", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, host, resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(connect(options({ port, timeout: 200 }))).rejects.toMatchObject({
      code: "E_NODE_UNREACHABLE",
      message: expect.stringContaining("did not answer within 0.2 s"),
    });
    silent.close();
  });

  it("stops connecting when it is told to", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, host, resolve));
    const stop = new AbortController();
    const connecting = connect(
      options({ port: (silent.address() as AddressInfo).port, signal: stop.signal }),
    );
    stop.abort(new Error("enough"));
    await expect(connecting).rejects.toThrow("enough");
    silent.close();
  });
});

describe("running commands", () => {
  it("passes on the exit code and both outputs", async () => {
    const result = await using((ssh) => capture(ssh, "echo out; echo err >&2; exit 7"));
    expect(result).toEqual({ code: 7, stdout: "out\n", stderr: "err\n" });
  });

  it("gives 128 + n when signal n ended the command", async () => {
    expect((await using((ssh) => capture(ssh, "kill -9 $$"))).code).toBe(137);
  });

  it("feeds standard input, large as it may be, and ends it", async () => {
    const input = "x".repeat(3_000_000);
    const result = await using((ssh) => capture(ssh, "wc -c", { input }));
    expect(result.stdout.trim()).toBe("3000000");
  });

  it("gives a command without input an empty one", async () => {
    expect(await using((ssh) => capture(ssh, "cat"))).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("runs several commands over one connection at once", async () => {
    const results = await using((ssh) =>
      Promise.all(["a", "b", "c"].map((word) => capture(ssh, `echo ${word}`))),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(["a\n", "b\n", "c\n"]);
  });

  it("passes the environment", async () => {
    const stdout = new PassThrough();
    await using((ssh) => ssh.exec("echo $LC_WORD", { env: { LC_WORD: "hello" }, stdout }));
    stdout.end();
    expect(await text(stdout)).toBe("hello\n");
  });

  it("ends a command whose signal aborts", async () => {
    const stop = new AbortController();
    await using(async (ssh) => {
      const stdout = new PassThrough();
      const running = ssh.exec("echo $$; exec sleep 60", { stdout, signal: stop.signal });
      const pid = Number(await new Promise((resolve) => stdout.once("data", resolve)));
      stop.abort(new Error("stop it"));
      await expect(running).rejects.toThrow("stop it");
      const gone = await waitFor(() => (existsSync(`/proc/${pid}/exe`) ? undefined : true), {
        clock: systemClock(),
        every: 10,
        within: 5_000,
      });
      expect(gone).toBe(true);
    });
  });

  it("gives a terminal of the local size, follows it and restores the mode", async () => {
    const modes: boolean[] = [];
    const stdin = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => modes.push(mode) });
    const stdout = Object.assign(new PassThrough(), { columns: 120, rows: 40 });
    const before = server.sizes.length;
    const code = await using(async (ssh) => {
      const running = ssh.shell({ stdin, stdout });
      stdin.write("echo $TERM\n");
      await new Promise((resolve) => stdout.once("data", resolve));
      Object.assign(stdout, { columns: 90, rows: 20 }).emit("resize");
      stdin.write("exit 3\n");
      return await running;
    });
    expect(code).toBe(3);
    expect(modes).toEqual([true, false]);
    expect(server.sizes.slice(before)).toEqual(["120x40", "90x20"]);
  });
});

describe("losing the connection", () => {
  it("ends a running command with E_NODE_UNREACHABLE", async () => {
    const ssh = await connect(options());
    const stdout = new PassThrough();
    const running = ssh.exec("echo up; sleep 60", { stdout });
    stdout.once("data", () => server.cut());
    await expect(running).rejects.toMatchObject({ code: "E_NODE_UNREACHABLE" });
    expect(ssh.lost.aborted).toBe(true);
    await expect(ssh.exec("true")).rejects.toMatchObject({ code: "E_NODE_UNREACHABLE" });
  });

  it("notices a host that has lost its power", async () => {
    const ssh = await connect(options({ keepaliveInterval: 50 }));
    const running = ssh.exec("sleep 60");
    server.freeze();
    await expect(running).rejects.toMatchObject({ code: "E_NODE_UNREACHABLE" });
  });
});

describe("opening streams", () => {
  it.each(["unix", "tcp"] as const)("reaches a %s socket on the host", async (kind) => {
    const path = join(folder, "echo.sock");
    const echo = await listen(kind === "unix" ? path : 0);
    const reply = await using(async (ssh) => {
      const port = kind === "unix" ? 0 : (echo.address() as AddressInfo).port;
      const stream = kind === "unix" ? await ssh.openUnix(path) : await ssh.openTcp(host, port);
      stream.end("ping");
      return await text(stream);
    });
    echo.close();
    expect(reply).toBe("ping");
  });

  it("says that a socket is not there", async () => {
    await using(async (ssh) => {
      await expect(ssh.openUnix(join(folder, "missing.sock"))).rejects.toMatchObject({
        code: "E_NODE_UNREACHABLE",
      });
    });
  });

  it("hops through one host to another", async () => {
    const result = await using(async (hop) => {
      const via = await hop.openTcp(host, server.port);
      return await using((ssh) => capture(ssh, "echo behind"), { via });
    });
    expect(result.stdout).toBe("behind\n");
  });
});

describe("copying files", () => {
  it("takes a folder there and back with its content and permissions", async () => {
    const [from, there, back] = ["from", "there", "back"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await mkdir(join(from, "sub"), { recursive: true });
    await writeFile(join(from, "sub", "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    await writeFile(join(from, "large"), "y".repeat(500_000));
    await using(async (ssh) => {
      await ssh.upload(from, there);
      await ssh.download(there, back);
    });
    expect((await stat(join(there, "sub", "run.sh"))).mode & 0o777).toBe(0o755);
    expect((await stat(join(back, "sub", "run.sh"))).mode & 0o777).toBe(0o755);
    expect(await readFile(join(back, "sub", "run.sh"), "utf8")).toBe("#!/bin/sh\n");
    expect((await readFile(join(back, "large"), "utf8")).length).toBe(500_000);
  });

  it("says what could not be copied", async () => {
    await using(async (ssh) => {
      await expect(ssh.download(join(folder, "nowhere"), folder)).rejects.toMatchObject({
        code: "E_COMMAND_FAILED",
        message: expect.stringContaining("nowhere"),
      });
    });
  });
});
