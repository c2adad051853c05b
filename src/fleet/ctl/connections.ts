import { readFile } from "node:fs/promises";
import { Duplex } from "node:stream";
import type { Readable, Writable } from "node:stream";
import { AppError, messageOf } from "../../foundation/errors.ts";
import type { HostKeyCheck } from "../../foundation/known-hosts.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { FleetClient, Transport } from "../api/client.ts";
import type { Endpoint } from "../api/transport.ts";
import type { Connections, RemoteShell, RemoteTarget } from "./command.ts";
import type { Globals } from "./globals.ts";

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Real connections: the API by its endpoint, machines by ssh, both through the tunnel if there is one. */
export function openConnections(globals: Globals, streams: Streams): Connections {
  const opened: SshConnection[] = [];
  const inTurn = oneAtATime();
  let tunnel: Promise<SshConnection> | undefined;
  let client: Promise<FleetClient> | undefined;
  const connect = async (target: RemoteTarget, via?: Duplex): Promise<SshConnection> => {
    const connection = await connectAs(globals, streams, target, via, inTurn);
    opened.push(connection);
    return connection;
  };
  const throughTunnel = async (): Promise<SshConnection> =>
    await (tunnel ??= connect(splitAddress(globals.tunnel)));
  return {
    fleet: async () => await (client ??= openClient(globals, streams, throughTunnel)),
    remote: async () => remoteShell(globals, streams, connect, throughTunnel),
    close: async () => {
      // The last opened first: it may run through an earlier one.
      for (const connection of opened.toReversed()) await connection.end();
    },
  };
}

async function openClient(
  globals: Globals,
  streams: Streams,
  tunnel: () => Promise<SshConnection>,
): Promise<FleetClient> {
  const [{ createClient }, { httpFollow, httpTransport }, { recogniseEtcd }] = await Promise.all([
    import("../api/client.ts"),
    import("../api/transport.ts"),
    import("./wrong-server.ts"),
  ]);
  const endpoint = await endpointOf(globals);
  const clientAt = (where: Endpoint, name: string): FleetClient => {
    const plain = httpTransport(where, globals.requestTimeout);
    const transport = globals.debug ? told(plain, streams) : plain;
    return createClient(recogniseEtcd(transport, name), httpFollow(where, globals.requestTimeout));
  };
  if (globals.tunnel === "") return clientAt(endpoint, globals.endpoint);
  const connection = await tunnel();
  const name = `${globals.endpoint} through ${globals.tunnel}`;
  const stream: Endpoint = { kind: "stream", name, open: streamOpener(connection, endpoint) };
  return clientAt(stream, name);
}

/** Says each request and its answer on standard error. */
function told(transport: Transport, { stderr }: Streams): Transport {
  return async (request) => {
    const began = performance.now();
    const took = (): string => `${(performance.now() - began).toFixed(1)} ms`;
    try {
      const response = await transport(request);
      stderr.write(`DEBUG ${request.method} ${request.path}: ${response.status} in ${took()}\n`);
      return response;
    } catch (error) {
      stderr.write(`DEBUG ${request.method} ${request.path}: ${messageOf(error)} in ${took()}\n`);
      throw error;
    }
  };
}

async function endpointOf(globals: Globals): Promise<Endpoint> {
  const [first = ""] = globals.endpoint.split(",");
  const scheme = /^([a-z]+):\/\//.exec(first)?.[1];
  if (scheme === "unix" || scheme === "file")
    return { kind: "unix", path: first.replace(/^[a-z]+:\/\//, "") };
  if (scheme === "http" || scheme === "https") {
    const files = { key: globals.keyFile, cert: globals.certFile, ca: globals.caFile };
    const given = Object.entries(files).filter(([, path]) => path !== "");
    const texts = await Promise.all(
      given.map(async ([kind, path]) => [kind, await readFile(path, "utf8")] as const),
    );
    return { kind: "http", url: new URL(first), tls: Object.fromEntries(texts) };
  }
  const problem = scheme === undefined ? "URL scheme undefined" : `URL scheme ${scheme} unsupported`;
  throw new AppError("E_USAGE", `Unable to initialize client: ${problem}`, {
    details: [`endpoint: ${first}`],
  });
}

/** Opens the endpoint from the tunnel's far side; an sshd that cannot forward sockets gets `fd-forward` instead. */
function streamOpener(connection: SshConnection, endpoint: Endpoint): () => Promise<Duplex> {
  if (endpoint.kind === "http") {
    const { hostname, port, protocol } = endpoint.url;
    const standard = protocol === "https:" ? 443 : 80;
    return async () => await connection.openTcp(hostname, port === "" ? standard : Number(port));
  }
  const path = endpoint.kind === "unix" ? endpoint.path : "";
  return async () => {
    try {
      return await connection.openUnix(path);
    } catch (error) {
      if (connection.lost.aborted) throw error;
      return await forwardByProgram(connection, path, error);
    }
  };
}

/** `fleetctl fd-forward` on the far side, as a stream. */
async function forwardByProgram(connection: SshConnection, path: string, first: unknown): Promise<Duplex> {
  const [{ PassThrough }, { shellQuote }] = await Promise.all([
    import("node:stream"),
    import("../../foundation/exec.ts"),
  ]);
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let said = "";
  errors.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const stream = Duplex.from({ writable: input, readable: output });
  const streams = { stdin: input, stdout: output, stderr: errors };
  connection.exec(`fleetctl fd-forward ${shellQuote(path)}`, streams).then(
    (code) => (code === 0 ? output.end() : stream.destroy(new Error(said.trim() || messageOf(first)))),
    (error: unknown) => stream.destroy(error as Error),
  );
  return stream;
}

function remoteShell(
  globals: Globals,
  streams: Streams,
  connect: (target: RemoteTarget, via?: Duplex) => Promise<SshConnection>,
  tunnel: () => Promise<SshConnection>,
): RemoteShell {
  return {
    run: async (target, command, output) => {
      const via =
        globals.tunnel === "" ? undefined : await (await tunnel()).openTcp(target.host, target.port);
      const connection = await connect(target, via);
      const ours = output === undefined ? streams : { stdout: output, stderr: streams.stderr };
      if (command !== undefined) return await connection.exec(command, ours);
      return await connection.shell({ ...streams, pty: isTerminal(streams.stdin) });
    },
  };
}

function isTerminal(input: Readable): boolean {
  return (input as { isTTY?: boolean }).isTTY === true;
}

async function connectAs(
  globals: Globals,
  streams: Streams,
  target: RemoteTarget,
  via: Duplex | undefined,
  inTurn: (check: HostKeyCheck) => HostKeyCheck,
): Promise<SshConnection> {
  if (globals.agent === "") throw noAgent();
  const [{ connect }, { fleetctlHostKeys }] = await Promise.all([
    import("../../foundation/ssh.ts"),
    import("./host-keys.ts"),
  ]);
  const knownHosts = await fleetctlHostKeys({
    path: globals.knownHostsFile,
    strict: globals.strictHostKeyChecking,
    stdin: streams.stdin,
    stderr: streams.stderr,
  });
  return await connect({
    host: target.host,
    port: target.port,
    username: globals.sshUsername,
    agent: globals.agent,
    forwardAgent: target.forwardAgent ?? false,
    knownHosts: inTurn(knownHosts),
    timeout: globals.sshTimeout,
    ...(via === undefined ? {} : { via }),
  });
}

/** Whoever connects to several machines at once is asked about one unknown host after the other. */
function oneAtATime(): (check: HostKeyCheck) => HostKeyCheck {
  let last: Promise<unknown> = Promise.resolve();
  return (hostKeys) => ({
    types: (address) => hostKeys.types(address),
    check: async (address, key) => {
      const ask = async (): ReturnType<HostKeyCheck["check"]> => await hostKeys.check(address, key);
      const asked = last.then(ask, ask);
      last = asked;
      return await asked;
    },
  });
}

function noAgent(): AppError {
  const guide = "https://github.com/coreos/fleet/blob/master/Documentation/using-the-client.md";
  return new AppError(
    "E_NODE_UNREACHABLE",
    `SSH_AUTH_SOCK environment variable is not set. Verify ssh-agent is running. See ${guide} for help.`,
    {
      hint: `run 'eval "$(cluster env)"' in the cluster's folder: it starts an agent that has the cluster's key`,
    },
  );
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`. */
function splitAddress(address: string): RemoteTarget {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new AppError("E_USAGE", `--tunnel ${address} is not host[:port]`);
  return { host, port: Number(match?.[3] ?? 22) };
}
