import { createServer, type RequestListener } from "node:http";
import { duplexPair, type Duplex, type Writable } from "node:stream";
import { AppError } from "../../src/foundation/errors.ts";
import type { SshConnection } from "../../src/foundation/ssh.ts";
import type { NodeAccess } from "../../src/lifecycle/access/node-access.ts";
import type { FakeProvider } from "../../src/provider/fake.ts";
import type { ClusterRef } from "../../src/provider/provider.ts";
import { dockerOf, etcdOf, fleetOf, type FleetContents } from "./memory-services.ts";

/** The nodes of a cluster in memory: they answer as soon as their machines run. */
export interface MemoryNodes extends FleetContents {
  readonly provider: FakeProvider;
  readonly ref: ClusterRef;
  /** Addresses of etcd's members, as etcd itself lists them. Empty: those of the state, as after the first `up`. */
  readonly etcd: Set<string>;
  /** Layers that never answer, e.g. `core-02 docker`; `core-02 sshd` lets nobody in. */
  readonly broken: Set<string>;
  /** What nodes print, by the node and the beginning of the command: `core-01: fleetctl`. */
  readonly answers: Map<string, string>;
  /** Commands that were run on nodes, without those that only look. */
  readonly commands: string[];
}

/** Ways into them. */
export function memoryAccess(nodes: MemoryNodes): NodeAccess {
  return {
    knock: async ({ name }) => ((await running(nodes)).includes(name) ? "open" : "silent"),
    connect: async ({ name }, _login, { signal }) => {
      signal.throwIfAborted();
      if (!(await running(nodes)).includes(name) || nodes.broken.has(`${name} sshd`))
        throw new AppError("E_NODE_UNREACHABLE", `${name} does not answer`);
      return memoryConnection(nodes, name);
    },
  };
}

async function running({ provider, ref }: MemoryNodes): Promise<readonly string[]> {
  const machines = [...(await provider.machines(ref))];
  return machines.filter(([, { state }]) => state === "running").map(([name]) => name);
}

function memoryConnection(nodes: MemoryNodes, node: string): SshConnection {
  const lost = new AbortController();
  return {
    lost: lost.signal,
    exec: async (command, { stdout, signal } = {}) => {
      const wanted = /--follow --machines (\d+)/.exec(command)?.[1];
      if (wanted !== undefined && stdout !== undefined && signal !== undefined) {
        return await follow(() => readyLine(nodes, node, Number(wanted)), stdout, signal);
      }
      const said = printed(nodes, node, command);
      if (said === undefined) nodes.commands.push(`${node}: ${command}`);
      else stdout?.write(Buffer.from(said));
      return 0;
    },
    shell: async () => 0,
    openUnix: async (path) =>
      serve(
        path.includes("docker")
          ? dockerOf(() => !nodes.broken.has(`${node} docker`))
          : fleetOf(nodes, await running(nodes)),
      ),
    openTcp: async () => serve(etcdOf(nodes.etcd)),
    upload: async () => undefined,
    download: async () => undefined,
    end: async () => lost.abort(new Error("ended")),
  };
}

/** What a command that only looks prints; undefined: it does something. */
function printed({ answers }: MemoryNodes, node: string, command: string): string | undefined {
  const answer = [...answers].find(([begin]) => `${node}: ${command}`.startsWith(begin));
  if (answer !== undefined) return answer[1];
  if (command.startsWith("cat ")) return '{"ok":true}';
  return command.includes("--explain") ? `the last words of ${node}\n` : undefined;
}

/** What flotilla-ready prints of a node. */
async function readyLine(nodes: MemoryNodes, node: string, wanted: number): Promise<string> {
  const layer = (name: string): object =>
    nodes.broken.has(`${node} ${name}`) ? { ok: false, detail: `${name} is broken` } : { ok: true };
  const machines = (await running(nodes)).length;
  const fleet = machines >= wanted ? { ...layer("fleet"), machines } : { ok: false, machines };
  const layers = {
    "cloud-config": layer("cloud-config"),
    etcd: layer("etcd"),
    docker: layer("docker"),
    fleet,
  };
  return `${JSON.stringify({ layers })}\n`;
}

/** Prints the line whenever it is another, as flotilla-ready does, until nobody wants to hear it. */
async function follow(line: () => Promise<string>, stdout: Writable, signal: AbortSignal): Promise<number> {
  for (let last = ""; !signal.aborted;) {
    const now = await line();
    if (now !== last) stdout.write(now);
    last = now;
    await new Promise((wake) => setTimeout(wake, 2));
  }
  throw signal.reason;
}

function serve(handler: RequestListener): Duplex {
  const server = createServer(handler);
  const [near, far] = duplexPair();
  server.emit("connection", far);
  return near;
}
