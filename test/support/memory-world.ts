import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair, type Duplex, type Writable } from "node:stream";
import { systemClock } from "../../src/foundation/clock.ts";
import { AppError } from "../../src/foundation/errors.ts";
import type { Exec } from "../../src/foundation/exec.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { SshConnection } from "../../src/foundation/ssh.ts";
import type { World } from "../../src/lifecycle/cluster.ts";
import type { ClusterEvent } from "../../src/lifecycle/events.ts";
import type { NodeAccess, NodeTarget } from "../../src/lifecycle/access/node-access.ts";
import { stepName } from "../../src/lifecycle/plan/plan.ts";
import { createFakeProvider, type FakeProvider } from "../../src/provider/fake.ts";
import { loadSpec } from "../../src/spec/load.ts";
import type { ClusterSpec } from "../../src/spec/model.ts";
import { recordedWindow } from "./recorded-host.ts";

/** A cluster in memory: a fake provider, nodes that answer as soon as they run, and a fleet that places units at once. */
export interface MemoryWorld extends AsyncDisposable {
  readonly world: World;
  readonly dir: string;
  readonly spec: ClusterSpec;
  readonly provider: FakeProvider;
  readonly events: ClusterEvent[];
  /** Names of the steps that were begun. */
  begun(): readonly string[];
  /** What fleet has been given, by unit. */
  readonly units: Map<string, { desired: string; options: unknown }>;
  /** Addresses of etcd's members, as etcd itself lists them. Empty: those of the state, as after the first `up`. */
  readonly etcd: Set<string>;
  /** Ids of machines that fleet drains. */
  readonly cordons: Set<string>;
  /** Layers that never answer, e.g. `core-02 docker`; `core-02 sshd` lets nobody in. */
  readonly broken: Set<string>;
  /** What nodes print, by the node and the beginning of the command: `core-01: fleetctl`. */
  readonly answers: Map<string, string>;
  /** Programs of this host; any other is missing. */
  readonly programs: Map<string, Exec>;
  /** Commands that were run on nodes, without those that only look. */
  readonly commands: string[];
  /** The world as another process sees it, interrupted by its own signal. */
  another(signal: AbortSignal, emit?: (event: ClusterEvent) => void): World;
}

const yaml = `version: 1
name: demo
machines: {count: 3}
services: [services/hello.service]
`;
const hello = "[Service]\nExecStart=/bin/sleep 1d\n";

/** @param text the cluster.yaml; three machines and one service unless said otherwise */
export async function memoryWorld(text = yaml): Promise<MemoryWorld> {
  const dir = await mkdtemp(join(tmpdir(), "flotilla-unit-"));
  const { mkdir } = await import("node:fs/promises");
  await mkdir(join(dir, "services"));
  await writeFile(join(dir, "services/hello.service"), hello);
  const loaded = loadSpec(text, "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { spec } = loaded;
  const clock = systemClock();
  const provider = createFakeProvider({ clock });
  const events: ClusterEvent[] = [];
  const units: MemoryWorld["units"] = new Map();
  const etcd = new Set<string>();
  const cordons = new Set<string>();
  const broken = new Set<string>();
  const commands: string[] = [];
  const answers: MemoryWorld["answers"] = new Map();
  const programs: MemoryWorld["programs"] = new Map();
  const ref = { name: spec.name, dir, stateDir: join(dir, ".state") };
  const access = memoryAccess({ provider, ref, units, etcd, cordons, broken, commands, answers });
  const another = (signal: AbortSignal, emit?: (event: ClusterEvent) => void): World => ({
    provider: async (name) => (name === "nspawn" ? provider : undefined),
    access,
    materials: async () => ({ notes: [] }),
    exec: {
      run: async (command) =>
        (await programs.get(command.argv[0])?.run(command)) ?? {
          code: undefined,
          stdout: "",
          stderr: "",
          timedOut: false,
          missing: true,
        },
    },
    host: recordedWindow({ platform: "linux", arch: "x64" }),
    clock,
    log: silentLog(),
    processes: { pid: 1, started: async (pid) => (pid === 1 ? "boot" : undefined) },
    owner: undefined,
    emit: emit ?? ((event) => void events.push(event)),
    signal,
    hurry: () => new AbortController().signal,
    command: "cluster up",
  });
  return {
    world: another(new AbortController().signal),
    dir,
    spec,
    provider,
    events,
    begun: () => events.flatMap((event) => (event.kind === "step-begin" ? [stepName(event.step)] : [])),
    units,
    etcd,
    cordons,
    broken,
    commands,
    answers,
    programs,
    another,
    [Symbol.asyncDispose]: async () => await rm(dir, { recursive: true, force: true }),
  };
}

interface Backstage {
  readonly provider: FakeProvider;
  readonly ref: { readonly name: string; readonly dir: string; readonly stateDir: string };
  readonly units: MemoryWorld["units"];
  readonly etcd: Set<string>;
  readonly cordons: Set<string>;
  readonly broken: Set<string>;
  readonly commands: string[];
  readonly answers: ReadonlyMap<string, string>;
}

function memoryAccess(stage: Backstage): NodeAccess {
  const isRunning = async (node: NodeTarget): Promise<boolean> =>
    (await stage.provider.machines(stage.ref)).get(node.name)?.state === "running";
  return {
    knock: async (node) => ((await isRunning(node)) ? "open" : "silent"),
    connect: async (node, _login, { signal }) => {
      signal.throwIfAborted();
      if (!(await isRunning(node)) || stage.broken.has(`${node.name} sshd`))
        throw new AppError("E_NODE_UNREACHABLE", `${node.name} does not answer`);
      return memoryConnection(stage, node.name);
    },
  };
}

function memoryConnection(stage: Backstage, node: string): SshConnection {
  const { broken, commands } = stage;
  const lost = new AbortController();
  const running = async (): Promise<readonly string[]> =>
    [...(await stage.provider.machines(stage.ref))]
      .filter(([, { state }]) => state === "running")
      .map(([name]) => name);
  const report = async (wanted: number): Promise<string> => {
    const layer = (name: string): object =>
      broken.has(`${node} ${name}`) ? { ok: false, detail: `${name} is broken` } : { ok: true };
    const machines = (await running()).length;
    const fleet = machines >= wanted ? { ...layer("fleet"), machines } : { ok: false, machines };
    const layers = {
      "cloud-config": layer("cloud-config"),
      etcd: layer("etcd"),
      docker: layer("docker"),
      fleet,
    };
    return `${JSON.stringify({ layers })}\n`;
  };
  const follow = async (wanted: number, stdout: Writable, signal: AbortSignal): Promise<number> => {
    for (let last = ""; !signal.aborted;) {
      const now = await report(wanted);
      if (now !== last) stdout.write(now);
      last = now;
      await new Promise((wake) => setTimeout(wake, 2));
    }
    throw signal.reason;
  };
  return {
    lost: lost.signal,
    exec: async (command, options = {}) => {
      const say = (text: string): void => void options.stdout?.write(Buffer.from(text));
      const wanted = /--follow --machines (\d+)/.exec(command)?.[1];
      if (wanted !== undefined && options.stdout !== undefined && options.signal !== undefined) {
        return await follow(Number(wanted), options.stdout, options.signal);
      }
      const answer = [...stage.answers].find(([begin]) => `${node}: ${command}`.startsWith(begin));
      if (answer !== undefined) say(answer[1]);
      else if (command.startsWith("cat ")) say('{"ok":true}');
      else if (command.includes("--explain")) say(`the last words of ${node}\n`);
      else commands.push(`${node}: ${command}`);
      return 0;
    },
    shell: async () => 0,
    openUnix: async (path) =>
      serve(path.includes("docker") ? dockerOf(broken, node) : fleetOf(stage, await running())),
    openTcp: async () => serve(etcdOf(stage)),
    upload: async () => undefined,
    download: async () => undefined,
    end: async () => lost.abort(new Error("ended")),
  };
}

function serve(handler: RequestListener): Duplex {
  const server: Server = createServer(handler);
  const [near, far] = duplexPair();
  server.emit("connection", far);
  return near;
}

function dockerOf(broken: ReadonlySet<string>, node: string): RequestListener {
  return (_request, response) => {
    response.statusCode = broken.has(`${node} docker`) ? 500 : 200;
    response.end("OK");
  };
}

/** etcd's health and its list of members. A member's id is its address. */
function etcdOf({ etcd }: Backstage): RequestListener {
  return (request, response) => {
    const url = request.url ?? "";
    if (url === "/health") return void response.end('{"health":"true"}');
    const change = async (): Promise<void> => {
      if (request.method === "POST") {
        const body = JSON.parse(await text(request)) as { peerURLs: string[] };
        etcd.add(new URL(body.peerURLs[0] ?? "").hostname);
      }
      if (request.method === "DELETE") etcd.delete(url.split("/").at(-1) ?? "");
      const members = [...etcd].map((id) => ({ id, name: id, peerURLs: [`http://${id}:2380`] }));
      response.end(JSON.stringify({ members }));
    };
    return void change();
  };
}

/** Fleet's API: a wanted unit runs on the first machine that runs. Machine ids are read from the state file. */
function fleetOf({ units, ref, cordons }: Backstage, running: readonly string[]): RequestListener {
  return (request, response) => {
    const answer = async (): Promise<object | undefined> => {
      const { readFile } = await import("node:fs/promises");
      const state = JSON.parse(await readFile(join(ref.stateDir, "state.json"), "utf8")) as {
        machines: Record<string, { machineId: string }>;
      };
      const ids = running.map((name) => state.machines[name]?.machineId ?? "");
      const path = request.url?.split("?")[0] ?? "";
      const home = ids.find((id) => !cordons.has(id)) ?? "";
      const shown = [...units].map(([name, { desired, options }]) => ({
        name,
        options,
        desiredState: desired,
        currentState: desired,
        machineID: desired === "launched" ? home : "",
      }));
      const cordon = /\/cordons\/(.+)$/.exec(path)?.[1];
      if (cordon !== undefined) {
        if (request.method === "DELETE") cordons.delete(cordon);
        else cordons.add(cordon);
        return {};
      }
      if (request.method === "PUT") {
        const body = JSON.parse(await text(request)) as { desiredState: string; options?: unknown };
        const name = path.split("/").at(-1) ?? "";
        units.set(name, { options: units.get(name)?.options, ...body, desired: body.desiredState });
        return {};
      }
      if (path.endsWith("/machines")) return { machines: ids.map((id) => ({ id, primaryIP: "" })) };
      if (path.endsWith("/units")) return { units: shown };
      if (path.endsWith("/state"))
        return { states: shown.filter(({ machineID }) => machineID !== "").map(active) };
      return shown.find(({ name }) => path.endsWith(`/units/${name}`));
    };
    void answer().then((body) => {
      response.statusCode = body === undefined ? 404 : 200;
      response.end(JSON.stringify(body ?? { error: { code: 404, message: "unit does not exist" } }));
    });
  };
}

function active({ name, machineID }: { readonly name: string; readonly machineID: string }): object {
  return {
    name,
    machineID,
    hash: "",
    systemdLoadState: "loaded",
    systemdActiveState: "active",
    systemdSubState: "running",
  };
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
