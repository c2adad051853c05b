import type { SshConnection } from "../../foundation/ssh.ts";
import { AppError } from "../../foundation/errors.ts";
import { selectNodes, type KnownCluster, type World } from "../cluster.ts";
import { readLogin } from "../state/keys.ts";
import { nodeTarget, type NodeTarget } from "./node-access.ts";
import { conditionOf } from "../state/condition.ts";

/** The addresses of the cluster's machines (those named, or all). @throws E_USAGE for an unknown name */
export function targetsOf(cluster: KnownCluster, asked: readonly string[]): readonly NodeTarget[] {
  const { machines } = cluster.state;
  return selectNodes(Object.keys(machines), asked).map((name) =>
    nodeTarget(cluster.provider, name, machines[name]?.address ?? ""),
  );
}

/** Those machines that run, in order. */
export async function runningTargets(cluster: KnownCluster): Promise<readonly NodeTarget[]> {
  // What is on disk now: machines may have been made since the cluster was opened.
  const [seen, state] = await Promise.all([cluster.provider.machines(cluster.ref), cluster.file.read()]);
  return targetsOf(cluster, []).filter(({ name }) => {
    const machine = state?.machines[name];
    return machine !== undefined && conditionOf(machine, seen.get(name)) === "running";
  });
}

/** Logs in to one machine. @throws E_NODE_UNREACHABLE saying that it does not run, when that is why */
export async function reachNode(
  world: World,
  cluster: KnownCluster,
  node: string,
  options: { readonly timeout?: number; readonly agent?: string } = {},
): Promise<SshConnection> {
  const [target] = targetsOf(cluster, [node]);
  if (target === undefined) throw new AppError("E_USAGE", `there is no machine ${node}`);
  const seen = await cluster.provider.machines(cluster.ref);
  const machine = cluster.state.machines[node];
  const condition = machine === undefined ? "absent" : conditionOf(machine, seen.get(node));
  if (condition !== "running") {
    throw new AppError("E_NODE_UNREACHABLE", `${node} is ${condition}`, {
      hint: `bring it up with 'cluster up ${node}'`,
    });
  }
  return await world.access.connect(target, await readLogin(cluster.ref.stateDir), {
    timeout: options.timeout ?? 10_000,
    signal: world.signal,
    ...(options.agent === undefined ? {} : { agent: options.agent }),
  });
}

/** Logs in to the first running machine (but not `except`) that lets us. @throws E_NODE_UNREACHABLE */
export async function reachAny(
  world: World,
  cluster: KnownCluster,
  except: readonly string[] = [],
): Promise<{ readonly node: string; readonly connection: SshConnection }> {
  const candidates = (await runningTargets(cluster)).filter(({ name }) => !except.includes(name));
  const login = await readLogin(cluster.ref.stateDir);
  let last: unknown;
  for (const target of candidates) {
    try {
      const connection = await world.access.connect(target, login, { timeout: 3_000, signal: world.signal });
      return { node: target.name, connection };
    } catch (error) {
      world.signal.throwIfAborted();
      last = error;
    }
  }
  throw new AppError("E_NODE_UNREACHABLE", "no running machine of the cluster lets us in", { cause: last });
}
