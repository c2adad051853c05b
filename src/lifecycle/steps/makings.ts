import { Writable } from "node:stream";
import { AppError } from "../../foundation/errors.ts";
import { lastLines } from "../../foundation/exec.ts";
import type { NodePlan } from "../../provider/provider.ts";
import type { KnownCluster, World } from "../cluster.ts";
import type { Desired } from "../plan/desired.ts";
import { plantLocalToken, withFormed } from "../prepare/discovery.ts";
import { waitForHandOver } from "./hand-over.ts";
import type { Login } from "../state/keys.ts";
import { endingExecutors } from "./endings.ts";
import { nodeTarget, type NodeTarget } from "../access/node-access.ts";
import type { MakingKind } from "../plan/plan.ts";
import { replacementExecutors } from "./replace.ts";
import type { Service } from "./services.ts";
import { startServices } from "./start-services.ts";
import { withMachine } from "../state/state.ts";
import type { Executors } from "./steps.ts";
import { waitUntilReady, type LayerBoard } from "../ready/wait.ts";

export interface MakingTools {
  readonly world: World;
  readonly cluster: KnownCluster;
  readonly desired: Desired;
  readonly login: Login;
  readonly services: readonly Service[];
}

/**
 * The provider keeps the user-data for the next boot; a machine that runs gets it over ssh as well. What has to start anew
 * is only queued by the applier: it counts as applied when systemd has done that, or after 30 s (a unit's own start may
 * take as long as it likes).
 */
const applyCommand = [
  "sudo install -D -m 0600 /dev/stdin /var/lib/flotilla/user-data && sudo /opt/bin/flotilla-cloudinit || exit",
  `timeout 30 sh -c 'while [ -n "$(systemctl list-jobs --no-legend)" ]; do sleep 0.1; done' || true`,
].join("\n");

/** What `up`, `reload` and `provision` do, step by step. */
export function makingExecutors(tools: MakingTools): Executors<MakingKind> {
  const { world, cluster, desired, login, services } = tools;
  const { ref, provider, file } = cluster;
  const { plan } = desired;
  const nodePlan = (name: string): NodePlan => planOf(desired, name);
  const mark = async (node: string, change: Parameters<typeof withMachine>[2]): Promise<void> => {
    await file.update((state) => withMachine(state, node, change));
  };
  const hashOf = (node: string): { userDataHash: string } => ({ userDataHash: desired.hashes[node] ?? "" });
  const replacing = replacementExecutors(world, cluster);
  const { destroy } = endingExecutors(world, cluster);
  return {
    prepare: async (_step, say, signal) => {
      await provider.prepare(plan, say, signal);
      await plantLocalToken(cluster.state, signal);
    },
    discard: async ({ node }, _say, signal) => {
      await provider.destroy(ref, node, signal);
      await mark(node, { created: "no" });
    },
    create: async ({ node }, _say, signal) => {
      await mark(node, { created: "creating", etcdLeft: false });
      const again = cluster.state.machines[node]?.etcdPeers !== undefined;
      await provider.create(plan, nodePlan(node), signal);
      await mark(node, { created: "created", again, ...hashOf(node) });
    },
    provision: async ({ node }, _say, signal) => {
      await provider.provision(plan, nodePlan(node), signal);
      await mark(node, hashOf(node));
    },
    apply: async ({ node }, _say, signal) =>
      await applyNow(world, targetOf(tools, node), login, { userData: nodePlan(node).userData, signal }),
    ...bootExecutors(tools),
    ...replacing,
    destroy: async (step, say, signal) => {
      await destroy(step, say, signal);
      // Only `up` knows that cluster.yaml has it no longer.
      await mark(step.node, { removed: true });
    },
    halt: async ({ node }, _say, signal) => await provider.halt(ref, node, signal),
    "hand-over": async ({ node }, say, signal) =>
      await waitForHandOver({ world, cluster, left: node, say, signal }),
    services: async ({ units }, say, signal) => {
      const chosen = services.filter(({ unit }) => units.includes(unit));
      await startServices({ world, cluster, services: chosen, say, signal });
    },
  };
}

/** Starting a machine and waiting for it; those that wait for one another know how far each is. */
function bootExecutors(tools: MakingTools): Executors<"start" | "wait"> {
  const { world, cluster, login } = tools;
  const { ref, provider, file } = cluster;
  const board: LayerBoard = new Map();
  return {
    start: async ({ node }, _say, signal) => {
      // The others may need it, and its provider may take minutes.
      board.set(node, { node: targetOf(tools, node), layer: "booted" });
      try {
        await provider.start(ref, node, signal);
      } catch (error) {
        board.delete(node);
        throw error;
      }
    },
    wait: async ({ node: name, machines }, _say, signal) => {
      const node = targetOf(tools, name);
      await waitUntilReady({ world, provider, ref, login, node, machines, board, signal });
      // etcd is well only with a quorum, and it has one only after all members found each other.
      if (cluster.state.formed !== true) await file.update(withFormed);
    },
  };
}

function targetOf({ cluster, desired }: MakingTools, name: string): NodeTarget {
  return nodeTarget(cluster.provider, name, planOf(desired, name).machine.address);
}

function planOf({ nodes }: Desired, name: string): NodePlan {
  const plan = nodes.get(name);
  if (plan !== undefined) return plan;
  throw new AppError("E_STATE_CONFLICT", `${name} is no longer in cluster.yaml`, {
    hint: `remove it with 'cluster destroy ${name}', or put it back`,
  });
}

/** Has a running node apply its user-data now. @throws E_CLOUD_CONFIG_INVALID with what the node says */
async function applyNow(
  world: World,
  node: NodeTarget,
  login: Login,
  { userData, signal }: { readonly userData: string; readonly signal: AbortSignal },
): Promise<void> {
  const connection = await world.access.connect(node, login, { timeout: 10_000, signal });
  let said = "";
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said += chunk.toString();
      done();
    },
  });
  try {
    const code = await connection.exec(applyCommand, {
      stdin: userData,
      stdout: output,
      stderr: output,
      signal,
    });
    const notes = said.split("\n").filter((line) => line.startsWith("note: "));
    for (const note of notes) world.emit({ kind: "warning", message: `${node.name}: ${note.slice(6)}` });
    if (code === 0) return;
    throw new AppError("E_CLOUD_CONFIG_INVALID", `${node.name} could not apply its cloud-config`, {
      details: lastLines(said, 8),
      hint: "mend userData in cluster.yaml, then run the same command again",
    });
  } finally {
    await connection.end();
  }
}
