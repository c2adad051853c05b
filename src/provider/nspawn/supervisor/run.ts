import { watch } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import type { Exec } from "../../../foundation/exec.ts";
import type { Log } from "../../../foundation/log.ts";
import { cgroupAt, findHierarchies } from "../cgroups.ts";
import { boundConsole } from "../console.ts";
import type { WantedForward } from "../forwards.ts";
import { createForwarder, firstSshPort, readForwards } from "../forwards.ts";
import { startMirror, stopMirror } from "../mirror/registry.ts";
import { hostNames } from "../names.ts";
import { raiseNetwork } from "../network.ts";
import { nodePaths, readNodes } from "../record.ts";
import { parseSubnet } from "../subnet.ts";
import type { SupervisorConfig } from "./config.ts";
import { readConfig } from "./config.ts";
import { createNodes } from "./nodes.ts";
import { noteProcess } from "./process.ts";
import { call, serve } from "./rpc.ts";
import { forwardingMark, sweepHost } from "./sweep.ts";

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

/**
 * Owns what a running cluster has on this host: network, mirror, nodes, forwards. Returns when it was asked to shut down
 * or its signal aborted; at once when another supervisor of the cluster answers already.
 */
export async function runSupervisor(options: SupervisorOptions): Promise<void> {
  const { exec, clock, log, signal, stateDir } = options;
  let config = await readConfig(stateDir);
  const names = hostNames(config);
  if ((await call(names.socket, { method: "ping" }, signal).catch(() => undefined)) !== undefined) return;
  await noteProcess(names);
  const hierarchies = findHierarchies();
  const nodes = createNodes({ config: () => config, names, hierarchies, exec, clock, log });
  const forwarder = createForwarder({ stateDir });
  const mirrorGroup = cgroupAt(hierarchies, join(names.cgroup, "mirror.helper"));
  const over = new AbortController();

  const applyForwards = async (): Promise<void> => {
    await forwarder.apply(wantedForwards(config, await readNodes({ stateDir })));
  };
  const raise = async (): Promise<void> => {
    const subnet = parseSubnet(config.subnet);
    const { switchedForwarding } = await raiseNetwork(exec, { names, subnet, internet: config.internet });
    if (switchedForwarding) await writeFile(forwardingMark(names), "");
    if (!config.mirror) await stopMirror(mirrorGroup, clock);
    else if (!(await mirrorGroup.populated())) {
      await startMirror({ gateway: subnet.gateway, stateDir, cgroup: mirrorGroup }, clock);
    }
    await applyForwards();
  };
  const begin = async (): Promise<void> => {
    await stopMirror(mirrorGroup, clock);
    await nodes.adopt();
    await raise();
  };
  const shutDown = async (): Promise<void> => {
    forwarder.close();
    await sweepHost({ exec, clock, hierarchies }, names);
  };

  const methods: Record<string, (node: string) => Promise<unknown>> = {
    configure: async () => {
      config = await readConfig(stateDir);
      await raise();
    },
    start: async (node) => {
      await applyForwards();
      await nodes.start(node);
    },
    halt: (node) => nodes.halt(node),
    kill: (node) => nodes.kill(node),
    forget: () => applyForwards(),
    forwards: () => readForwards({ stateDir }),
    shutdown: async () => {
      await shutDown();
      over.abort();
    },
  };
  let ready: Promise<void> = Promise.resolve();
  const server = await serve(names.socket, async (method, node) => {
    if (method === "ping") return { pid: process.pid };
    const act = methods[method];
    if (act === undefined) throw new AppError("E_BUG", `the supervisor knows no method ${method}`);
    // What failed at the start (a busy bridge, say) may be mended by now: `configure` tries again.
    if (method === "configure") await ready.catch(() => undefined);
    else if (method !== "shutdown") await ready;
    return await act(node);
  });
  ready = begin();
  ready.catch((error: unknown) => log.error("cannot begin", { error: messageOf(error) }));
  await chmod(names.runtimeDir, 0o700);
  log.info("supervising", { cluster: config.name, pid: process.pid });

  const watcher = watch(names.runtimeDir, () => void nodes.reap());
  watcher.on("error", (error) => log.warn("cannot watch", { error: messageOf(error) }));
  const ends = AbortSignal.any([signal, over.signal]);
  while (!ends.aborted) {
    await nodes.reap();
    for (const { name } of await readNodes({ stateDir }))
      await boundConsole(nodePaths({ stateDir }, name).console);
    await clock.sleep(round, ends).catch(() => undefined);
  }
  watcher.close();
  if (!over.signal.aborted) {
    await Promise.all(
      (await readNodes({ stateDir })).map(({ name }) => nodes.halt(name).catch(() => undefined)),
    );
    await shutDown();
  }
  server.close();
  log.info("supervising ends", { cluster: config.name });
}

/** Pure: ssh of every node, and the spec's ports of the first. */
function wantedForwards(
  config: SupervisorConfig,
  nodes: readonly { readonly name: string; readonly index: number; readonly address: string }[],
): WantedForward[] {
  const ssh = nodes.map(({ name, address, index }) => ({
    node: name,
    address,
    guestPort: 22,
    wanted: firstSshPort + index - 1,
  }));
  const first = nodes[0];
  if (first === undefined) return ssh;
  const ports = Object.entries(config.ports).map(([guest, host]) => ({
    node: first.name,
    address: first.address,
    guestPort: Number(guest),
    wanted: host,
  }));
  return [...ssh, ...ports];
}
