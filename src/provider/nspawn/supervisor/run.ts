import { existsSync, watch } from "node:fs";
import type { Clock } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import type { Exec } from "../../../foundation/exec.ts";
import type { Log } from "../../../foundation/log.ts";
import { findHierarchies } from "../cgroups.ts";
import { boundConsole } from "../../console.ts";
import { readForwards } from "../forwards.ts";
import { hostNames } from "../names.ts";
import { nodePaths, readNodes } from "../record.ts";
import { configFile, readConfig } from "./config.ts";
import type { HostSide } from "./host.ts";
import { createHostSide } from "./host.ts";
import type { Nodes } from "./nodes.ts";
import { createNodes } from "./nodes.ts";
import type { Holds } from "./holds.ts";
import { createHolds, parseHold } from "./holds.ts";
import { noteProcess } from "./process.ts";
import type { Handler } from "./rpc.ts";
import { call, serve } from "./rpc.ts";

export interface SupervisorOptions {
  readonly stateDir: string;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it: nodes are shut down, everything on the host is removed, disks stay. */
  readonly signal: AbortSignal;
}

/** How often nodes and logs are looked after when nothing has been heard of them, ms. */
const round = 1_000;

/** In so many rounds, one after the other, a folder must be missing to count as deleted. */
const missedRounds = 3;

/**
 * Owns what a running cluster has on this host: network, mirror, nodes, forwards. Returns when it was asked to shut down,
 * its signal aborted or somebody deleted the cluster's folder; at once when another supervisor of the cluster answers already.
 */
export async function runSupervisor(options: SupervisorOptions): Promise<void> {
  const { exec, clock, log, signal, stateDir } = options;
  let config = await readConfig(stateDir);
  const names = hostNames(config);
  if ((await call(names.socket, { method: "ping" }, signal).catch(() => undefined)) !== undefined) return;
  await noteProcess(names);
  const tools = { config: () => config, names, hierarchies: findHierarchies(), exec, clock, log };
  const [nodes, host] = [createNodes(tools), createHostSide(tools)];
  const holds = createHolds({ ...tools, start: (node) => nodes.start(node) });
  const over = new AbortController();

  const ready = Promise.withResolvers<void>();
  ready.promise.catch((error: unknown) => log.error("cannot begin", { error: messageOf(error) }));
  const reconfigure = async (): Promise<void> => {
    config = await readConfig(stateDir);
    await host.raise();
  };
  const shutDown = async (): Promise<void> => {
    holds.retire();
    nodes.retire();
    await host.clear();
    over.abort();
  };
  const methods = methodsOf({ nodes, host, holds, stateDir, reconfigure, shutDown });
  const server = await serve(names.socket, answerWith(methods, ready.promise));
  log.info("supervising", { cluster: config.name, pid: process.pid });
  ready.resolve(begin(nodes, host, holds));

  const watcher = watch(names.runtimeDir, () => void nodes.reap());
  watcher.on("error", (error) => log.warn("cannot watch", { error: messageOf(error) }));
  const ends = AbortSignal.any([signal, over.signal]);
  await ready.promise.catch(() => undefined);
  const isDeleted = watchForDeletion(stateDir);
  while (!ends.aborted) {
    if (isDeleted()) {
      log.warn("the cluster's folder is gone, so its machines end", { stateDir });
      await shutDown();
      break;
    }
    await lookAfter(stateDir, nodes, host).catch((error: unknown) =>
      log.error("cannot look after the cluster", { error: messageOf(error) }),
    );
    await clock.sleep(round, ends).catch(() => undefined);
  }
  // From here on nobody is answered: who needs a supervisor starts the next one.
  server.close();
  if (!over.signal.aborted) {
    await haltAll(stateDir, nodes);
    await shutDown();
  }
  watcher.close();
  log.info("supervising ends", { cluster: config.name });
}

/** Tells at each look whether the cluster's folder is gone for good; nobody could then end its machines any more. */
function watchForDeletion(stateDir: string): () => boolean {
  let missed = 0;
  return () => {
    missed = existsSync(configFile(stateDir)) ? 0 : missed + 1;
    return missed >= missedRounds;
  };
}

async function begin(nodes: Nodes, host: HostSide, holds: Holds): Promise<void> {
  await host.replaceMirror();
  await nodes.adopt();
  await holds.adopt();
  await host.raise();
}

async function lookAfter(stateDir: string, nodes: Nodes, host: HostSide): Promise<void> {
  await nodes.reap();
  await host.tend();
  const records = await readNodes({ stateDir });
  await Promise.all(records.map(({ name }) => boundConsole(nodePaths({ stateDir }, name).console)));
}

async function haltAll(stateDir: string, nodes: Nodes): Promise<void> {
  const records = await readNodes({ stateDir });
  await Promise.all(records.map(({ name }) => nodes.halt(name).catch(() => undefined)));
}

type Methods = Readonly<
  Record<string, (node: string, more: Readonly<Record<string, unknown>>) => Promise<unknown>>
>;

function methodsOf(parts: {
  readonly nodes: Nodes;
  readonly host: HostSide;
  readonly holds: Holds;
  readonly stateDir: string;
  readonly reconfigure: () => Promise<void>;
  readonly shutDown: () => Promise<void>;
}): Methods {
  const { nodes, host, holds, stateDir } = parts;
  return {
    ping: () => Promise.resolve({ pid: process.pid }),
    configure: parts.reconfigure,
    start: async (node) => {
      await host.applyForwards();
      await nodes.start(node);
    },
    halt: (node) => nodes.halt(node),
    kill: (node) => nodes.kill(node),
    hold: (node, more) => {
      const { ttl, ...wanted } = parseHold(node, more);
      return holds.hold(wanted, ttl);
    },
    release: (node, more) => holds.release(String(more["id"]), node),
    holds: () => holds.list(),
    forget: () => host.applyForwards(),
    forwards: () => readForwards({ stateDir }),
    shutdown: parts.shutDown,
  };
}

/** Everything waits until the supervisor has begun, but for what must work also when it cannot. */
function answerWith(methods: Methods, ready: Promise<void>): Handler {
  return async (method, node, more) => {
    const act = methods[method];
    if (act === undefined) throw new AppError("E_BUG", `the supervisor knows no method ${method}`);
    // What failed at the start (a busy bridge, say) may be mended by now: `configure` tries again.
    if (method === "configure") await ready.catch(() => undefined);
    else if (method !== "ping" && method !== "shutdown") await ready;
    return await act(node, more);
  };
}
