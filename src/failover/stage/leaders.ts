/** Where the engine's leader is written down (see src/fleet/registry). */
const leaderKey = "/flotilla/fleet/v1/engine/leader";

/** Standard output of a command on a node; undefined when the node or the command fails. */
type Ask = (node: string, command: string) => Promise<string | undefined>;

/** Which machines lead etcd and fleet's engine, asked of all; undefined when nobody says. `machines`: their ids, by name. */
export async function findLeaders(
  machines: Readonly<Record<string, { readonly machineId: string }>>,
  ask: Ask,
): Promise<{ readonly etcd: string | undefined; readonly engine: string | undefined }> {
  const nodes = Object.keys(machines);
  const stats = await Promise.all(
    nodes.map((node) => ask(node, "curl -sS -m 1 http://127.0.0.1:2379/v2/stats/self")),
  );
  const leaders = stats.flatMap((text) => (text === undefined ? [] : (leaderName(text) ?? [])));
  const answering = nodes.find((_, index) => stats[index] !== undefined);
  const record =
    answering === undefined
      ? undefined
      : await ask(answering, `ETCDCTL_API=3 etcdctl get --print-value-only ${leaderKey}`);
  const engine = nodes.find((node) => record?.includes(machines[node]?.machineId ?? "?") ?? false);
  return { etcd: leaders[0], engine };
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
