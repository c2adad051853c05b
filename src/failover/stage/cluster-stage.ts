import { shellQuote } from "../../foundation/exec.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { KnownCluster, World } from "../../lifecycle/cluster.ts";
import { readLogin } from "../../lifecycle/state/keys.ts";
import { nodeTarget, patienceWith } from "../../lifecycle/access/node-access.ts";
import { getOver } from "../../lifecycle/access/node-http.ts";
import { cuedCommands } from "./cued.ts";
import { findLeaders } from "./leaders.ts";
import { keptLines, type Lines } from "./lines.ts";
import { auditNode } from "./node-audit.ts";
import { readRegistry } from "./registry-reader.ts";
import { sampleUnits } from "./sampler.ts";
import { startServices, stopServices } from "./services.ts";
import type { RunOptions, Stage, StageOutages } from "./stage.ts";

/** How long a single question to a container may take, ms. */
const quickly = 2_000;

export interface StageOptions {
  /** How often the machines' own systemd is asked, ms. */
  readonly sampleEvery: number;
  /** How many times slower than containers the machines are, when somebody says so. */
  readonly slower?: number;
}

/** A cluster that is up, as the stage of a scenario: broken through its provider, observed over ssh. */
export async function clusterStage(
  world: World,
  cluster: KnownCluster,
  { sampleEvery, slower = 1 }: StageOptions,
): Promise<Stage> {
  const { provider, ref, state } = cluster;
  const nodes = Object.keys(state.machines);
  const patience = Math.max(patienceWith(provider), slower);
  const askWithin = quickly * patience;
  const login = await readLogin(ref.stateDir);
  const addressOf = (node: string): string => state.machines[node]?.address ?? "";
  const connect = (node: string, signal: AbortSignal): Promise<SshConnection> =>
    world.access.connect(nodeTarget(provider, node, addressOf(node)), login, { timeout: quickly, signal });
  const lines = keptLines({ nodes, connect, clock: world.clock, askWithin });
  const cued = cuedCommands((node, signal) => lines.line(node, signal));
  const names = new Map(nodes.map((name) => [state.machines[name]?.machineId ?? "", name] as const));
  return {
    cluster: ref.name,
    provider: provider.name,
    capabilities: provider.capabilities,
    patience,
    nodes,
    ...powerOf(world, cluster, lines),
    startServices: async (files, signal) => {
      if (files.length > 0) await startServices(await lines.anyLine(signal), ref.dir, files, signal);
    },
    stopServices: async (units, signal) => await stopServices(await lines.anyLine(signal), units, signal),
    address: addressOf,
    run: (node, script, options) =>
      cued.run(node, script, options) ?? lines.attempt(node, `sudo sh -c ${shellQuote(script)}`, options),
    prepare: (node, script, options) => cued.prepare(node, script, options),
    outages: outagesOf(cluster),
    machinesSeenBy: (node, signal) =>
      machinesSeenOver((limit) => lines.line(node, limit), { within: askWithin, signal }),
    leaders: (signal) => findLeaders(state.machines, (node, command) => lines.ask(node, command, signal)),
    watch: (node, units, signal) => sampleUnits(() => connect(node, signal), units, sampleEvery, signal),
    registry: (node, signal) =>
      readRegistry(() => connect(node, signal), { names, within: patience * 1_000, signal }),
    audit: (node, signal) =>
      auditNode(() => lines.line(node, signal), { node, names, within: askWithin, signal }),
    close: () => lines.close(),
  };
}

/** Machines' power, and whether they show life. */
function powerOf(
  world: World,
  { provider, ref, state }: KnownCluster,
  lines: Lines,
): Pick<Stage, "cut" | "halt" | "powerOn" | "vital"> {
  return {
    cut: async (node, signal) => {
      await provider.kill(ref, node, signal);
      void lines.hangUp(node);
    },
    halt: async (node, signal) => {
      await provider.halt(ref, node, signal);
      void lines.hangUp(node);
    },
    powerOn: (node, signal) => provider.start(ref, node, signal),
    vital: async (node, signal) => {
      const running = (await provider.machines(ref)).get(node)?.state === "running";
      const target = nodeTarget(provider, node, state.machines[node]?.address ?? "");
      const knock = await world.access.knock(target, 200, signal);
      return { running, answers: knock === "open" };
    },
  };
}

/** Ids of the machines that one node's fleet lists; undefined when it does not answer. */
async function machinesSeenOver(
  line: (limit: AbortSignal) => Promise<SshConnection>,
  { within, signal }: RunOptions,
): Promise<readonly string[] | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
    const socket = await (await line(limit)).openUnix("/run/fleet.sock");
    const answer = await getOver(socket, "/fleet/v1/machines", within);
    const { machines = [] } = JSON.parse(answer.body) as { machines?: { id: string }[] };
    return answer.status === 200 ? machines.map(({ id }) => id) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
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
