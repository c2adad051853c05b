import { join } from "node:path";
import type { Clock } from "../foundation/clock.ts";
import type { HostWindow } from "../doctor/host-window.ts";
import { AppError, messageOf } from "../foundation/errors.ts";
import type { Exec } from "../foundation/exec.ts";
import type { Log } from "../foundation/log.ts";
import type { ClusterRef, Provider } from "../provider/provider.ts";
import type { ClusterSpec, ProviderName } from "../spec/model.ts";
import type { Emit } from "./events.ts";
import type { HostMaterials } from "./prepare/host-materials.ts";
import { takeLock, type Processes } from "./state/lock.ts";
import type { NodeAccess } from "./access/node-access.ts";
import type { Owner } from "./state/owner.ts";
import { openRunLog } from "./state/run-log.ts";
import { stateFile, type ClusterState, type StateFile } from "./state/state.ts";

/** All that the verbs need of the world; made once per command. */
export interface World {
  /** The provider of that name; undefined when we cannot drive it yet. */
  readonly provider: (name: ProviderName) => Promise<Provider | undefined>;
  readonly access: NodeAccess;
  /** What the cluster's machines get of this host. */
  readonly materials: (spec: ClusterSpec, provider: ProviderName) => Promise<HostMaterials>;
  readonly exec: Exec;
  /** What the doctor looks through. */
  readonly host: HostWindow;
  readonly clock: Clock;
  readonly log: Log;
  readonly processes: Processes;
  /** Whom new files belong to; undefined: whoever runs us. */
  readonly owner: Owner | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Aborts at the second Ctrl-C. Who asks for it ends by itself then; nobody who does not is waited for. */
  readonly hurry: () => AbortSignal;
  /** What the user typed, for the lock: `cluster up`. */
  readonly command: string;
}

/** A cluster that has been brought up at least once. */
export interface KnownCluster {
  readonly ref: ClusterRef;
  readonly state: ClusterState;
  readonly file: StateFile;
  readonly provider: Provider;
}

/** The reference of the cluster whose cluster.yaml lies in `dir` (absolute). */
export function clusterRef(name: string, dir: string): ClusterRef {
  return { name, dir, stateDir: join(dir, ".state") };
}

/** The cluster as its state describes it; undefined when it was never brought up, or is destroyed. */
export async function findCluster(world: World, dir: string): Promise<KnownCluster | undefined> {
  const file = stateFile(join(dir, ".state"), world.owner);
  const state = await file.read();
  if (state === undefined) return undefined;
  const provider = await mustProvide(world, state.provider);
  return { ref: clusterRef(state.name, dir), state, file, provider };
}

/**
 * @param wanted the machine that the user asked for, if it was one
 * @throws E_STATE_CONFLICT when the cluster was never brought up
 */
export async function openCluster(world: World, dir: string, wanted?: string): Promise<KnownCluster> {
  const cluster = await findCluster(world, dir);
  if (cluster !== undefined) return cluster;
  const subject = wanted === undefined ? "" : `there is no machine ${wanted}: `;
  throw new AppError("E_STATE_CONFLICT", `${subject}the cluster in ${dir} has not been brought up`, {
    hint: "bring it up with 'cluster up'",
  });
}

/** @throws E_NOT_SUPPORTED when we cannot drive that provider yet */
export async function mustProvide(world: World, name: ProviderName): Promise<Provider> {
  const provider = await world.provider(name);
  if (provider !== undefined) return provider;
  throw new AppError("E_NOT_SUPPORTED", `the provider ${name} is not supported yet by this command`, {
    hint: "use nspawn, libvirt or virtualbox",
  });
}

/**
 * Does the work while this run holds the cluster's lock. The work gets a world whose events and log also go to a file of
 * this run; when it fails, the user is told where that is.
 */
export async function locked<T>(world: World, dir: string, work: (logged: World) => Promise<T>): Promise<T> {
  const stateDir = join(dir, ".state");
  const release = await takeLock({
    stateDir,
    owner: world.owner,
    command: world.command,
    clock: world.clock,
    processes: world.processes,
    signal: world.signal,
    onWait: (message) => world.emit({ kind: "note", message }),
  });
  try {
    const log = await openRunLog(world, stateDir);
    try {
      return await work(log.world);
    } catch (error) {
      log.world.log.error(messageOf(error), { stack: error instanceof Error ? error.stack : undefined });
      if (!world.signal.aborted) world.emit({ kind: "note", message: `the log of this run: ${log.path}` });
      throw error;
    } finally {
      log.close();
    }
  } finally {
    await release();
  }
}

/**
 * Does the work on something that clusters share while no other run does: two `up` at a time make a box once.
 * @throws E_LOCKED when another run still holds it after half an hour
 */
export async function inTurn<T>(
  world: World,
  { folder, what }: { readonly folder: string; readonly what: string },
  work: () => Promise<T>,
): Promise<T> {
  const release = await takeLock({
    stateDir: folder,
    what,
    owner: world.owner,
    command: world.command,
    clock: world.clock,
    processes: world.processes,
    signal: world.signal,
    within: 30 * 60_000,
    onWait: (message) => world.emit({ kind: "note", message: `${what}: ${message}` }),
  });
  try {
    return await work();
  } finally {
    await release();
  }
}

/** The machines that the user named, or all; in the cluster's order. @throws E_USAGE for an unknown name */
export function selectNodes(known: readonly string[], asked: readonly string[]): readonly string[] {
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new AppError("E_USAGE", `there is no machine ${unknown.join(", ")} in this cluster`, {
      hint: `its machines are ${known.join(", ")}`,
    });
  }
  return asked.length === 0 ? known : [...new Set(asked)];
}
