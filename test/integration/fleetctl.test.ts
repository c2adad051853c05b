import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../../src/bin/fleetctl.ts";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { generateKeyPair } from "../../src/foundation/ssh-keys.ts";
import type { SshKeyPair } from "../../src/foundation/ssh-keys.ts";
import { makeCertificates } from "../support/certificates.ts";
import { startSshServer } from "../support/ssh-server.ts";
import type { TestServer } from "../support/ssh-server.ts";

let folder: string;
let socket: string;
let api: Server;
let hostKey: SshKeyPair;
let userKey: SshKeyPair;
let sshd: TestServer;
let agent: ChildProcess;

const machine = { id: "0b9fd6f8aaaa", primaryIP: "127.0.0.1", metadata: { region: "local" } };

/** Runs on the machine behind ssh, and on the one that the tests run on. */
const everywhere = {
  name: "all.service",
  desiredState: "launched",
  options: [{ section: "X-Fleet", name: "Global", value: "yes" }],
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fleetctl-"));
  const here = (await readFile("/etc/machine-id", "utf8")).trim();
  const states = [machine.id, here].map((machineID) => ({ name: everywhere.name, machineID }));
  socket = join(folder, "fleet.sock");
  api = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://fleet").pathname;
    const units = [
      { name: "hello.service", desiredState: "launched", currentState: "launched", machineID: machine.id },
    ];
    const answers: Readonly<Record<string, object>> = {
      "/fleet/v1/machines": { machines: [machine] },
      "/fleet/v1/units": { units },
      "/fleet/v1/units/hello.service": units[0] ?? {},
      "/fleet/v1/units/all.service": everywhere,
      "/fleet/v1/state": { states },
    };
    const answer = answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { error: { code: 404, message: "unit does not exist" } }));
  });
  await new Promise<void>((resolve) => api.listen(socket, resolve));
  userKey = await generateKeyPair("user");
  hostKey = await generateKeyPair("host");
  sshd = await startSshServer(hostKey.privateKey, userKey.publicKey);
  agent = await startAgent(userKey);
});

afterAll(async () => {
  agent.kill();
  api.close();
  await sshd.close();
  await rm(folder, { recursive: true, force: true });
});

async function startAgent(user: SshKeyPair): Promise<ChildProcess> {
  const path = join(folder, "agent.sock");
  const keyFile = join(folder, "key");
  await writeFile(keyFile, user.privateKey, { mode: 0o600 });
  const child = spawn("ssh-agent", ["-D", "-a", path], { stdio: "ignore" });
  const added = await waitFor(
    async () =>
      await promisify(execFile)("ssh-add", [keyFile], { env: { ...process.env, SSH_AUTH_SOCK: path } }).catch(
        () => undefined,
      ),
    { clock: systemClock(), every: 20, within: 10_000 },
  );
  if (added === undefined) throw new Error("the agent took no key");
  return child;
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function fleetctl(
  argv: readonly string[],
  env: Record<string, string> = {},
  typed = "",
): Promise<Result> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(typed);
  const code = await main(argv, { stdin, stdout, stderr, env: { HOME: folder, ...env } });
  const read = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? "");
  return { code, out: read(stdout), err: read(stderr) };
}

function tunnel(): string[] {
  return ["--tunnel", `127.0.0.1:${sshd.port}`, "--endpoint", `unix://${socket}`];
}

function withAgent(): Record<string, string> {
  return { SSH_AUTH_SOCK: join(folder, "agent.sock"), FLEETCTL_KNOWN_HOSTS_FILE: join(folder, "known") };
}

async function knowTheHost(): Promise<void> {
  await writeFile(join(folder, "known"), `[127.0.0.1]:${sshd.port} ${hostKey.publicKey}\n`);
}

const table = "MACHINE\t\tIP\t\tMETADATA\n0b9fd6f8...\t127.0.0.1\tregion=local\n";

describe("reaching fleet's API", () => {
  it("goes to a unix socket", async () => {
    expect(await fleetctl(["--endpoint", `unix://${socket}`, "list-machines"])).toEqual({
      code: 0,
      out: table,
      err: "",
    });
  });

  it("says which socket is not there", async () => {
    const { code, err } = await fleetctl(["--endpoint", `unix://${folder}/nope.sock`, "list-machines"]);
    expect(code).toBe(1);
    expect(err).toContain(`cannot reach fleet at unix://${folder}/nope.sock`);
    expect(err).toContain("systemctl status fleet");
  });

  it("goes to https with an authority of our own, and shows who we are", async () => {
    const { ca, server, client } = await makeCertificates(folder);
    const [key, cert, authority] = await Promise.all(
      [server.key, server.cert, ca].map((path) => readFile(path)),
    );
    const secure = createSecureServer(
      { key, cert, ca: authority, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end(JSON.stringify({ machines: [machine] })),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const endpoint = `--endpoint=https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const own = [`--cert-file=${client.cert}`, `--key-file=${client.key}`];
    const listing = ["list-machines", "--no-legend", "--fields=ip"];
    expect(await fleetctl([endpoint, `--ca-file=${ca}`, ...own, ...listing])).toMatchObject({
      code: 0,
      out: "127.0.0.1\n",
    });
    const stranger = await fleetctl([endpoint, ...own, ...listing]);
    expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining("certificate")]);
    expect((await fleetctl([endpoint, `--ca-file=${ca}`, ...listing])).code).toBe(1);
    secure.closeAllConnections();
    secure.close();
  });

  it("says each request with --debug", async () => {
    const { err } = await fleetctl([`--endpoint=unix://${socket}`, "--debug", "list-machines"]);
    expect(err).toMatch(/^DEBUG GET \/fleet\/v1\/machines\?: 200 in [\d.]+ ms\n$/);
  });

  it("says that an endpoint has no scheme", async () => {
    const { err } = await fleetctl(["--endpoint", "somewhere", "list-machines"]);
    expect(err).toContain("Unable to initialize client: URL scheme undefined");
  });
});

describe("reaching it through a tunnel", () => {
  it("opens the socket on the far side", async () => {
    await knowTheHost();
    expect(await fleetctl([...tunnel(), "list-machines"], withAgent())).toEqual({
      code: 0,
      out: table,
      err: "",
    });
  });

  it("takes the tunnel from the environment", async () => {
    await knowTheHost();
    const env = {
      ...withAgent(),
      FLEETCTL_TUNNEL: `127.0.0.1:${sshd.port}`,
      FLEETCTL_ENDPOINT: `unix://${socket}`,
    };
    expect((await fleetctl(["list-machines"], env)).out).toBe(table);
  });

  it("runs fleetctl on the far side when its sshd opens no sockets", async () => {
    const program = join(folder, "fleetctl");
    const entry = join(import.meta.dirname, "..", "..", "src", "bin", "node.ts");
    const script = `#!/bin/sh\nexec ${process.execPath} --disable-warning=ExperimentalWarning ${entry} fleetctl "$@"\n`;
    await writeFile(program, script, { mode: 0o755 });
    const limited = await startSshServer(hostKey.privateKey, userKey.publicKey, {
      programs: folder,
      streams: false,
    });
    await writeFile(join(folder, "known"), `[127.0.0.1]:${limited.port} ${hostKey.publicKey}\n`);
    const argv = ["--tunnel", `127.0.0.1:${limited.port}`, "--endpoint", `unix://${socket}`, "list-machines"];
    const result = await fleetctl(argv, withAgent());
    await limited.close();
    expect(result).toEqual({ code: 0, out: table, err: "" });
  });

  it("reaches an http endpoint as the far side sees it", async () => {
    await knowTheHost();
    const http = createServer((_request, response) => response.end(JSON.stringify({ machines: [machine] })));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const argv = ["--tunnel", `127.0.0.1:${sshd.port}`, "--endpoint", endpoint, "list-machines"];
    expect((await fleetctl(argv, withAgent())).out).toBe(table);
    http.close();
  });

  it("runs a command on a machine behind it and passes its exit code on", async () => {
    await knowTheHost();
    const argv = [...tunnel(), "ssh", "--ssh-port", String(sshd.port), "0b9fd6f8", "echo behind; exit 5"];
    expect(await fleetctl(argv, withAgent())).toEqual({ code: 5, out: "behind\n", err: "" });
  });

  it("follows a global unit's journal there and here at the same time", async () => {
    await knowTheHost();
    const program = join(folder, "journalctl");
    await writeFile(program, '#!/bin/sh\necho "$@"\necho the last line\nexit 3\n', { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"] ?? ""}`);
    const argv = [...tunnel(), "journal", "-f", "--ssh-port", String(sshd.port), "all"];
    const { code, out } = await fleetctl(argv, withAgent()).finally(() => vi.unstubAllEnvs());
    expect(code).toBe(3);
    const here = (await readFile("/etc/machine-id", "utf8")).slice(0, 8);
    const lines = ["--unit all.service --no-pager -n 10 --output short -f", "the last line"];
    const expected = ["0b9fd6f8", here].flatMap((id) => lines.map((line) => `${id}: ${line}`));
    expect(out.trim().split("\n").toSorted()).toEqual(expected.toSorted());
  });

  it("names the command that mends a missing agent", async () => {
    const { code, err } = await fleetctl([...tunnel(), "list-machines"]);
    expect(code).toBe(1);
    expect(err).toContain("SSH_AUTH_SOCK environment variable is not set. Verify ssh-agent is running.");
    expect(err).toContain('eval "$(cluster env)"');
  });
});

describe("meeting a host for the first time", () => {
  it("asks, and remembers a yes", async () => {
    const env = { ...withAgent(), FLEETCTL_KNOWN_HOSTS_FILE: join(folder, "new", "known_hosts") };
    const asked = await fleetctl([...tunnel(), "list-machines"], env, "yes\n");
    expect(asked.code).toBe(0);
    expect(asked.err).toContain(
      `The authenticity of host '[127.0.0.1]:${sshd.port}' can't be established.\n`,
    );
    expect(asked.err).toMatch(/ssh-ed25519 key fingerprint is ([0-9a-f]{2}:){15}[0-9a-f]{2}\.\n/);
    expect(asked.err).toContain("Are you sure you want to continue connecting (yes/no)? ");
    expect(asked.err).toContain("Warning: Permanently added");
    const line = await readFile(join(folder, "new", "known_hosts"), "utf8");
    expect(line).toBe(`[127.0.0.1]:${sshd.port} ${hostKey.publicKey.split(" ").slice(0, 2).join(" ")}\n`);
    expect((await fleetctl([...tunnel(), "list-machines"], env)).err).toBe("");
  });

  it.each(["no\n", ""])("goes no further after %j", async (typed) => {
    const env = { ...withAgent(), FLEETCTL_KNOWN_HOSTS_FILE: join(folder, "never") };
    const { code, err } = await fleetctl([...tunnel(), "list-machines"], env, typed);
    expect(code).toBe(1);
    expect(err).toContain("Host key verification failed.\n");
    expect(err).toContain("unauthorized host");
  });

  it("refuses a changed key, whatever is typed and however lax the check", async () => {
    const other = await generateKeyPair("other");
    await writeFile(join(folder, "known"), `[127.0.0.1]:${sshd.port} ${other.publicKey}\n`);
    const argv = [...tunnel(), "--strict-host-key-checking=false", "list-machines"];
    const { code, err } = await fleetctl(argv, withAgent(), "yes\n");
    expect(code).toBe(1);
    expect(err).toContain("REMOTE HOST IDENTIFICATION HAS CHANGED!");
    expect(err).toContain("host key mismatch");
  });
});

describe("fd-forward", () => {
  it("joins its streams with the socket", async () => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end("GET /fleet/v1/machines HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    const code = await main(["fd-forward", socket], { stdin, stdout, stderr, env: {} });
    expect(code).toBe(0);
    expect(String(stdout.read())).toContain('"primaryIP":"127.0.0.1"');
  });
});
