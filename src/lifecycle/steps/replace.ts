import { waitFor } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { FleetClient } from "../../fleet/api/client.ts";
import { isGlobal } from "../../fleet/unit/requirements.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { KnownCluster, World } from "../cluster.ts";
import { type EtcdMembers, etcdMembersOver, untilAgreed } from "./etcd-members.ts";
import { fleetClientOver } from "../access/fleet-view.ts";
import { patienceWith } from "../access/node-access.ts";
import { reachAny } from "../access/reach.ts";
import { withMachine } from "../state/state.ts";
import type { Executors } from "./steps.ts";

/** How long the units of a container may take to move, ms. */
const usualDrain = 60_000;
/** Without etcd's quorum fleet can move nothing, and waiting is in vain, ms. */
const usualSilence = 5_000;

/** Taking a machine out of a cluster that goes on, and its etcd back in. Each asks a machine that stays. */
export function replacementExecutors(
  world: World,
  cluster: KnownCluster,
): Executors<"drain" | "leave-etcd" | "join-etcd" | "uncordon"> {
  return {
    drain: async ({ node }, say, signal) =>
      await overAnother(world, cluster, node, async (connection) => {
        const client = fleetClientOver(connection, 10_000);
        const patience = patienceWith(cluster.provider);
        const left = await drain(world, client, machineOf(cluster, node).machineId, { patience, signal });
        if (left === "empty") return say("its units run elsewhere");
        world.emit({ kind: "warning", message: `${node} is removed with its units: ${left}` });
      }),
    uncordon: async ({ node }) =>
      await overAnother(world, cluster, node, async (connection) => {
        await fleetClientOver(connection, 10_000).uncordon(machineOf(cluster, node).machineId);
      }),
    ...memberExecutors(world, cluster),
  };
}

/** What becomes of a machine's place among etcd's members. */
function memberExecutors(world: World, cluster: KnownCluster): Executors<"leave-etcd" | "join-etcd"> {
  const { clock } = world;
  const over = async (node: string, work: (members: EtcdMembers) => Promise<void>): Promise<void> =>
    await overAnother(world, cluster, node, async (connection) => await work(etcdMembersOver(connection)));
  return {
    "leave-etcd": async ({ node }, _say, signal) => {
      const leave = async (): Promise<void> =>
        await over(node, async (members) => await members.remove(machineOf(cluster, node).address));
      await untilAgreed(leave, { clock, node, signal });
      await cluster.file.update((state) => withMachine(state, node, { etcdLeft: true }));
      await over(node, async (members) => await members.settled(clock, signal));
    },
    "join-etcd": async ({ node }, _say, signal) => {
      const join = async (): Promise<void> =>
        await over(node, async (members) => await members.add(machineOf(cluster, node).address));
      await untilAgreed(join, { clock, node, signal });
      const etcdPeers = cluster.state.machines[node]?.etcdPeers ?? [];
      await cluster.file.update((state) => withMachine(state, node, { etcdLeft: false, etcdPeers }));
    },
  };
}

function machineOf(
  { state }: KnownCluster,
  node: string,
): { readonly machineId: string; readonly address: string } {
  const machine = state.machines[node];
  if (machine === undefined) throw new AppError("E_BUG", `the state knows no machine ${node}`);
  return machine;
}

/** Works over a connection to any machine but this one. */
async function overAnother(
  world: World,
  cluster: KnownCluster,
  node: string,
  work: (connection: SshConnection) => Promise<void>,
): Promise<void> {
  const { connection } = await reachAny(world, cluster, [node]);
  try {
    await work(connection);
  } finally {
    void connection.end();
  }
}

/** Cordons the machine and waits until nothing but global units is there. Why not, when fleet does not answer. */
async function drain(
  world: World,
  client: FleetClient,
  machineID: string,
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
): Promise<string> {
  const { clock } = world;
  const [within, silence] = [usualDrain * patience, usualSilence * patience];
  let heard = clock.monotonic();
  let left: readonly string[] = [];
  let cordoned = false;
  const look = async (): Promise<string | undefined> => {
    try {
      // A machine that fleet does not list has no units either.
      if (!cordoned && !(await client.cordon(machineID))) return "empty";
      cordoned = true;
      left = await unitsOf(client, machineID);
      heard = clock.monotonic();
      return left.length === 0 ? "empty" : undefined;
    } catch {
      signal.throwIfAborted();
      return clock.monotonic() - heard > silence ? "fleet does not answer" : undefined;
    }
  };
  const found = await waitFor(look, { clock, every: 100, within, signal });
  if (found !== undefined) return found;
  throw new AppError("E_TIMEOUT", `units did not leave within ${within / 1_000} s: ${left.join(", ")}`, {
    hint: "'fleetctl explain UNIT' says why; 'cluster kill' first removes a machine without waiting",
  });
}

/** Units on the machine and, so that nothing is lost half-way, units that left it and do not run yet. */
async function unitsOf(client: FleetClient, machineID: string): Promise<readonly string[]> {
  const [units, states] = await Promise.all([client.units(), client.states()]);
  const single = units.filter((unit) => !isGlobal(unit));
  const busy = single.filter((unit) => {
    const own = states.filter(({ name }) => name === unit.name);
    if (unit.machineID === machineID || own.some((state) => state.machineID === machineID)) return true;
    if (unit.desiredState !== "launched" || unit.machineID === "") return false;
    return own.some(({ active }) => active === "activating") || own.length === 0;
  });
  return busy.map(({ name }) => name);
}
