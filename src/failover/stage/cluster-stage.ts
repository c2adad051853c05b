import { basename, join } from "node:path";
import { AppError, messageOf } from "../../foundation/errors.ts";
import { lastLines, shellQuote } from "../../foundation/exec.ts";
import { capture } from "../../foundation/ssh.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { KnownCluster, World } from "../../lifecycle/cluster.ts";
import { readLogin } from "../../lifecycle/state/keys.ts";
import { nodeTarget, patienceWith } from "../../lifecycle/access/node-access.ts";
import { getOver } from "../../lifecycle/access/node-http.ts";
import { cuedCommands } from "./cued.ts";
import { auditNode } from "./node-audit.ts";
import { readRegistry } from "./registry-reader.ts";
import { sampleUnits } from "./sampler.ts";
import type { Ran, RunOptions, Stage, StageOutages } from "./stage.ts";

/** How long a single question to a container may take, ms. */
const quickly = 2_000;

/** How long a machine may take to close a connection, ms. */
const leaveWithin = 500;

/** Where the engine's leader is written down (see src/fleet/registry). */
const leaderKey = "/flotilla/fleet/v1/engine/leader";

/** A cluster that is up, as the stage of a scenario: broken through its provider, observed over ssh. */
export async function clusterStage(world: World, cluster: KnownCluster, sampleEvery: number): Promise<Stage> {
  const { provider, ref, state } = cluster;
  const patience = patienceWith(provider);
  const askWithin = quickly * patience;
  const login = await readLogin(ref.stateDir);
  const lines = new Map<string, Promise<SshConnection>>();

  const addressOf = (node: string): string => state.machines[node]?.address ?? "";
  const connect = (node: string, signal: AbortSignal): Promise<SshConnection> =>
    world.access.connect(nodeTarget(provider, node, addressOf(node)), login, { timeout: quickly, signal });
  /** One kept connection a node for questions; made anew when it was lost. */
  const line = async (node: string, signal: AbortSignal): Promise<SshConnection> => {
    const kept = await lines.get(node)?.catch(() => undefined);
    if (kept !== undefined && !kept.lost.aborted) return kept;
    const fresh = connect(node, signal);
    lines.set(node, fresh);
    return await fresh;
  };
  const hangUp = async (node: string): Promise<void> => {
    const kept = lines.get(node);
    lines.delete(node);
    const ended = kept?.then((connection) => connection.end()).catch(() => undefined);
    // A machine that stands still takes no leave.
    await Promise.race([ended, world.clock.sleep(leaveWithin)]);
  };
  /** What came of a command line on a node; undefined when the node does not answer in time. */
  const attempt = async (
    node: string,
    command: string,
    { within, signal }: RunOptions,
  ): Promise<Ran | undefined> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
    const before = lines.get(node);
    try {
      return await capture(await line(node, limit), command, { signal: limit });
    } catch {
      signal.throwIfAborted();
      // A line that has gone silent (the machine stood still, or was restarted) is made anew next time.
      if (lines.get(node) === before) void hangUp(node);
      return undefined;
    }
  };
  /** Standard output of a command on a node; undefined when the node or the command fails. */
  const ask = async (node: string, command: string, signal: AbortSignal): Promise<string | undefined> => {
    const answer = await attempt(node, command, { within: askWithin, signal });
    return answer?.code === 0 ? answer.stdout : undefined;
  };
  /** A line to the first machine that answers. */
  const anyLine = async (signal: AbortSignal): Promise<SshConnection> => {
    for (const node of Object.keys(state.machines)) {
      if ((await ask(node, "true", signal)) !== undefined) return await line(node, signal);
    }
    throw new AppError("E_NODE_UNREACHABLE", "no machine of the cluster answers", { hint: "cluster status" });
  };

  const cued = cuedCommands(line);
  const names = new Map(
    Object.entries(state.machines).map(([name, machine]) => [machine.machineId, name] as const),
  );
  return {
    cluster: ref.name,
    provider: provider.name,
    capabilities: provider.capabilities,
    patience,
    nodes: Object.keys(state.machines),
    startServices: async (files, signal) => {
      if (files.length === 0) return;
      await startOn(await anyLine(signal), ref.dir, files, signal);
    },
    stopServices: async (units, signal) => {
      const command = `/opt/bin/fleetctl stop ${units.map(shellQuote).join(" ")}`;
      const stopped = await capture(await anyLine(signal), command, { signal });
      if (stopped.code === 0) return;
      throw new AppError("E_COMMAND_FAILED", `fleet did not stop ${units.join(", ")}`, {
        details: lastLines(stopped.stderr, 8),
      });
    },
    address: addressOf,
    run: (node, script, options) =>
      cued.run(node, script, options) ?? attempt(node, `sudo sh -c ${shellQuote(script)}`, options),
    prepare: (node, script, options) => cued.prepare(node, script, options),
    outages: outagesOf(cluster),
    cut: async (node, signal) => {
      await provider.kill(ref, node, signal);
      void hangUp(node);
    },
    halt: async (node, signal) => {
      await provider.halt(ref, node, signal);
      void hangUp(node);
    },
    powerOn: (node, signal) => provider.start(ref, node, signal),
    vital: async (node, signal) => {
      const running = (await provider.machines(ref)).get(node)?.state === "running";
      const knock = await world.access.knock(nodeTarget(provider, node, addressOf(node)), 200, signal);
      return { running, answers: knock === "open" };
    },
    machinesSeenBy: async (node, signal) => {
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(askWithin)]);
        const socket = await (await line(node, limit)).openUnix("/run/fleet.sock");
        const answer = await getOver(socket, "/fleet/v1/machines", askWithin);
        const { machines = [] } = JSON.parse(answer.body) as { machines?: { id: string }[] };
        return answer.status === 200 ? machines.map(({ id }) => id) : undefined;
      } catch {
        signal.throwIfAborted();
        return undefined;
      }
    },
    leaders: async (signal) => {
      const nodes = Object.keys(state.machines);
      const stats = await Promise.all(
        nodes.map((node) => ask(node, "curl -sS -m 1 http://127.0.0.1:2379/v2/stats/self", signal)),
      );
      const leaders = stats.flatMap((text) => (text === undefined ? [] : (leaderName(text) ?? [])));
      const record = await ask(
        nodes.find((_, index) => stats[index] !== undefined) ?? "",
        `ETCDCTL_API=3 etcdctl get --print-value-only ${leaderKey}`,
        signal,
      );
      const engine = nodes.find((node) => record?.includes(state.machines[node]?.machineId ?? "?") ?? false);
      return { etcd: leaders[0], engine };
    },
    watch: (node, units, signal) => sampleUnits(() => connect(node, signal), units, sampleEvery, signal),
    registry: (node, signal) =>
      readRegistry(() => connect(node, signal), { names, within: patience * 1_000, signal }),
    audit: (node, signal) => auditNode(() => line(node, signal), { node, names, within: askWithin, signal }),
    close: async () => {
      await Promise.all([...lines.keys()].map(hangUp));
    },
  };
}

function outagesOf({ provider, ref }: KnownCluster): StageOutages | undefined {
  const { outages } = provider;
  if (outages === undefined) return undefined;
  return {
    hold: (hold, ttl, signal) => outages.hold(ref, hold, ttl, signal),
    release: (id, node, signal) => outages.release(ref, id, node, signal),
    holds: (signal) => outages.holds(ref, signal),
  };
}

/**
 * The member's own name when it leads etcd; members carry the names of their machines. A member in trouble may answer
 * with nothing, which is no answer.
 */
function leaderName(stats: string): string | undefined {
  try {
    const { name, state } = JSON.parse(stats) as { name?: string; state?: string };
    return state === "StateLeader" ? name : undefined;
  } catch {
    return undefined;
  }
}

async function startOn(
  connection: SshConnection,
  dir: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const folder = (await capture(connection, "mktemp -d", { signal })).stdout.trim();
  // Without a slash it is no file of the cluster's folder but the name of a unit.
  const units = files.map((file) => (file.includes("/") ? `${folder}/${basename(file)}` : file));
  try {
    for (const [index, file] of files.entries()) {
      if (file.includes("/")) await connection.upload(join(dir, file), units[index] ?? "");
    }
    const command = `/opt/bin/fleetctl start ${units.map(shellQuote).join(" ")}`;
    const started = await capture(connection, command, { signal });
    if (started.code !== 0) {
      throw new AppError("E_COMMAND_FAILED", "the scenario's services could not be started", {
        details: lastLines(started.stderr, 8),
        hint: "look at 'cluster status' and 'cluster logs'",
      });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError("E_CHECK_FAILED", messageOf(error), { cause: error });
  } finally {
    await capture(connection, `rm -rf ${shellQuote(folder)}`).catch(() => undefined);
  }
}
