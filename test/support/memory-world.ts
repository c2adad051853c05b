import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/foundation/clock.ts";
import type { Exec } from "../../src/foundation/exec.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { clusterRef, type World } from "../../src/lifecycle/cluster.ts";
import type { ClusterEvent, Emit } from "../../src/lifecycle/events.ts";
import { stepName } from "../../src/lifecycle/plan/plan.ts";
import { createFakeProvider } from "../../src/provider/fake.ts";
import { loadSpec } from "../../src/spec/load.ts";
import type { ClusterSpec } from "../../src/spec/model.ts";
import { memoryAccess, type MemoryNodes } from "./memory-nodes.ts";
import { recordedWindow } from "./recorded-host.ts";

/** A cluster in memory: a fake provider, nodes that answer as soon as they run, and a fleet that places units at once. */
export interface MemoryWorld extends MemoryNodes, AsyncDisposable {
  readonly world: World;
  readonly dir: string;
  readonly spec: ClusterSpec;
  readonly events: ClusterEvent[];
  /** Names of the steps that were begun. */
  begun(): readonly string[];
  /** Programs of this host; any other is missing. */
  readonly programs: Map<string, Exec>;
  /** The world as another process sees it, interrupted by its own signal. */
  another(signal: AbortSignal, emit?: Emit): World;
}

const yaml = `version: 1
name: demo
machines: {count: 3}
services: [services/hello.service]
`;
const hello = "[Service]\nExecStart=/bin/sleep 1d\n";

/** @param text the cluster.yaml; three machines and one service unless said otherwise */
export async function memoryWorld(text = yaml): Promise<MemoryWorld> {
  const spec = specOf(text);
  const dir = await folderWithService();
  const events: ClusterEvent[] = [];
  const programs: MemoryWorld["programs"] = new Map();
  const nodes: MemoryNodes = {
    provider: createFakeProvider({ clock: systemClock() }),
    ref: clusterRef(spec.name, dir),
    units: new Map(),
    etcd: new Set(),
    cordons: new Set(),
    broken: new Set(),
    answers: new Map(),
    commands: [],
  };
  const record: Emit = (event) => void events.push(event);
  const another = (signal: AbortSignal, emit = record): World => ({
    ...surroundings(nodes, programs),
    emit,
    signal,
  });
  return {
    ...nodes,
    world: another(new AbortController().signal),
    dir,
    spec,
    events,
    begun: () => events.flatMap((event) => (event.kind === "step-begin" ? [stepName(event.step)] : [])),
    programs,
    another,
    [Symbol.asyncDispose]: async () => await rm(dir, { recursive: true, force: true }),
  };
}

function specOf(text: string): ClusterSpec {
  const loaded = loadSpec(text, "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.spec;
}

async function folderWithService(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "flotilla-unit-"));
  await mkdir(join(dir, "services"));
  await writeFile(join(dir, "services/hello.service"), hello);
  return dir;
}

/** What is the same for every process of this host. */
function surroundings(
  nodes: MemoryNodes,
  programs: ReadonlyMap<string, Exec>,
): Omit<World, "emit" | "signal"> {
  const missing = { code: undefined, stdout: "", stderr: "", timedOut: false, missing: true };
  return {
    provider: async (name) => (name === "nspawn" ? nodes.provider : undefined),
    access: memoryAccess(nodes),
    materials: async () => ({ notes: [] }),
    exec: { run: async (command) => (await programs.get(command.argv[0])?.run(command)) ?? missing },
    host: recordedWindow({ platform: "linux", arch: "x64" }),
    clock: systemClock(),
    log: silentLog(),
    processes: { pid: 1, started: async (pid) => (pid === 1 ? "boot" : undefined) },
    owner: undefined,
    hurry: () => new AbortController().signal,
    command: "cluster up",
  };
}
