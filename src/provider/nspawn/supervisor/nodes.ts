import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { waitFor } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import type { Exec } from "../../../foundation/exec.ts";
import { lastLines } from "../../../foundation/exec.ts";
import { readIfExists } from "../../../foundation/files.ts";
import type { Log } from "../../../foundation/log.ts";
import type { Cgroup, Hierarchies } from "../cgroups.ts";
import { cgroupAt } from "../cgroups.ts";
import { rebootExit } from "../machine.ts";
import type { HostNames } from "../names.ts";
import { hostInterface } from "../names.ts";
import { cutCable } from "../network.ts";
import type { NodeRecord } from "../record.ts";
import { readPower, writePower } from "../power.ts";
import { nodePaths, readNode, readNodes } from "../record.ts";
import { initOf, spawnNode } from "./boot.ts";
import type { SupervisorConfig } from "./config.ts";

export interface NodesOptions {
  readonly config: () => SupervisorConfig;
  readonly names: HostNames;
  readonly hierarchies: Hierarchies;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
}

/** The power of the cluster's nodes: switches, and the watch over nodes that end by themselves. */
export interface Nodes {
  start(node: string): Promise<void>;
  halt(node: string): Promise<void>;
  kill(node: string): Promise<void>;
  /** Takes over nodes that an earlier supervisor started, and finishes what it left unfinished. */
  adopt(): Promise<void>;
  /** From now on nobody is brought back: the cluster is being removed. */
  retire(): void;
  /** Looks which nodes have ended since the last look; restarts those in which `reboot` was typed. */
  reap(): Promise<void>;
}

/** systemd's own stop jobs may take 90 s before it kills what hangs. */
const haltPatience = 110_000;
/** SIGRTMIN+4 asks systemd for a clean power-off; sent again because an init that is just starting is deaf. */
const [powerOffSignal, askAgain] = [38, 500];
/** Mounting and the first process, ms. */
const startPatience = 15_000;

export function createNodes(options: NodesOptions): Nodes {
  const { names, hierarchies, exec, clock, log } = options;
  /** Nodes that are meant to be on: the id of their boot, which also names the file of their exit code. */
  const boots = new Map<string, string>();
  const queues = new Map<string, Promise<unknown>>();
  const stateDir = (): { stateDir: string } => ({ stateDir: options.config().stateDir });
  const groupOf = (node: string): Cgroup => cgroupAt(hierarchies, join(names.cgroup, node));
  const exitFile = (node: string, boot: string): string => join(names.runtimeDir, `${node}.${boot}.exit`);

  /** One switch at a time for each node. */
  const inTurn = async <T>(node: string, action: () => Promise<T>): Promise<T> => {
    const turn = (queues.get(node) ?? Promise.resolve()).then(action, action);
    queues.set(node, turn);
    return await turn;
  };

  const mustRead = async (node: string): Promise<NodeRecord> => {
    const record = await readNode(stateDir(), node);
    if (record !== undefined) return record;
    throw new AppError("E_STATE_CONFLICT", `there is no machine ${node}`, {
      hint: "run 'cluster up' to create it",
    });
  };

  const setPower = (node: string, state: "running" | "stopped", boot = ""): Promise<void> =>
    writePower(names, node, { state, since: clock.now(), boot });

  /** What is left of a node that is off, or is to be off at once. */
  const clear = async (record: NodeRecord): Promise<void> => {
    const group = groupOf(record.name);
    await cutCable(exec, hostInterface(names, record.index));
    await group.end(clock);
    const files = (await readdir(names.runtimeDir)).filter((file) => file.startsWith(`${record.name}.`));
    for (const file of files) await rm(join(names.runtimeDir, file), { force: true });
  };

  const powerOn = async (node: string): Promise<void> => {
    const record = await mustRead(node);
    const group = groupOf(node);
    if (boots.has(node) && (await group.populated())) return;
    await clear(record);
    await group.create({ memory: record.memory, cpus: record.cpus });
    const boot = randomBytes(4).toString("hex");
    const paths = nodePaths(stateDir(), node);
    await spawnNode({
      config: options.config(),
      names,
      record,
      paths,
      joins: group.joins,
      exitFile: exitFile(node, boot),
    });
    boots.set(node, boot);
    const ready = await waitFor(
      async () => {
        if ((await readIfExists(exitFile(node, boot))) !== undefined) return "ended";
        return (await initOf(hierarchies, join(names.cgroup, node))) === undefined ? undefined : "runs";
      },
      { clock, every: 10, within: startPatience },
    );
    if (ready !== "runs") {
      boots.delete(node);
      await clear(record);
      throw new AppError("E_COMMAND_FAILED", `the machine ${node} does not start`, {
        details: lastLines((await readIfExists(paths.console)) ?? "", 6),
        hint: `its console is 'cluster logs ${node}'`,
      });
    }
    await setPower(node, "running", boot);
    log.info("node started", { node });
  };

  const ended = async (node: string, boot: string): Promise<{ readonly code: number } | undefined> => {
    const read = async (): Promise<{ readonly code: number } | undefined> => {
      const code = await readIfExists(exitFile(node, boot));
      return code === undefined ? undefined : { code: Number(code) };
    };
    const end = await read();
    if (end !== undefined || (await groupOf(node).populated())) return end;
    // Its processes are gone. Whoever writes the code is about to, unless it was killed together with the node.
    return (await waitFor(read, { clock, every: 10, within: 1_000 })) ?? { code: Number.NaN };
  };

  const reapOne = async (node: string, boot: string): Promise<void> => {
    if ((await ended(node, boot)) === undefined) return;
    await inTurn(node, async () => {
      // Asked again: until our turn came, it may have been switched, or was perhaps only just being started.
      const end = boots.get(node) === boot ? await ended(node, boot) : undefined;
      if (end === undefined) return;
      boots.delete(node);
      const record = await readNode(stateDir(), node);
      if (record === undefined) return;
      await clear(record);
      log.info("node ended", { node, code: end.code });
      if (end.code === rebootExit) await powerOn(node);
      else await setPower(node, "stopped");
    });
  };

  return {
    start: (node) => inTurn(node, () => powerOn(node)),
    kill: (node) =>
      inTurn(node, async () => {
        const record = await mustRead(node);
        const wasOn = boots.delete(node) || (await groupOf(node).populated());
        await clear(record);
        if (wasOn) await setPower(node, "stopped");
        if (wasOn) log.info("node killed", { node });
      }),
    halt: async (node) => {
      await mustRead(node);
      let asked = -askAgain;
      const off = await waitFor(
        async () => {
          const boot = boots.get(node);
          if (boot !== undefined) await reapOne(node, boot);
          if (!boots.has(node) && !(await groupOf(node).populated())) return true;
          if (clock.monotonic() - asked < askAgain) return undefined;
          asked = clock.monotonic();
          const init = await initOf(hierarchies, join(names.cgroup, node));
          if (init !== undefined) signalQuietly(init, powerOffSignal);
          return undefined;
        },
        { clock, every: 20, within: haltPatience },
      );
      // What follows the end of a node (its record, its cgroups) is done when its turn is over.
      if (off !== undefined) return await inTurn(node, () => Promise.resolve());
      throw new AppError("E_TIMEOUT", `${node} did not shut down within ${haltPatience / 1_000} s`, {
        hint: `see what it waits for with 'cluster logs ${node}', or cut its power with 'cluster kill ${node}'`,
      });
    },
    adopt: async () => {
      for (const { name } of await readNodes(stateDir())) {
        const power = await readPower(names, name);
        if (power?.state !== "running") continue;
        boots.set(name, power.boot);
        log.info("node taken over", { node: name });
      }
    },
    retire: () => boots.clear(),
    reap: async () => {
      const looks = [...boots].map(([node, boot]) =>
        reapOne(node, boot).catch((error: unknown) =>
          log.error("node lost", { node, error: messageOf(error) }),
        ),
      );
      await Promise.all(looks);
    },
  };
}

function signalQuietly(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile, which is what we want.
  }
}
