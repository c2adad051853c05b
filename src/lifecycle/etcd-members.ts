import { waitFor } from "../foundation/clock.ts";
import { AppError, messageOf } from "../foundation/errors.ts";
import { shellQuote } from "../foundation/exec.ts";
import { capture, type SshConnection } from "../foundation/ssh.ts";
import type { KnownCluster, World } from "./cluster.ts";
import { reachAny } from "./reach.ts";

export interface ReplaceRequest {
  readonly world: World;
  readonly cluster: KnownCluster;
  /** The member whose data is gone. */
  readonly node: string;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** The others may only just be starting, and etcd changes its members only after it has been well for a while. ms */
const patience = 90_000;

/**
 * Has etcd forget a member whose data is gone and expect a new one in its place. etcd would not let it in otherwise: it
 * remembers that this member has voted.
 * @throws E_ETCD when the others cannot agree on it
 */
export async function replaceMember(request: ReplaceRequest): Promise<void> {
  const { world, cluster, node, signal } = request;
  let trouble = "";
  const attempt = async (): Promise<true | undefined> => {
    try {
      const { connection } = await reachAny(world, cluster, [node]);
      try {
        await swap(connection, request);
        return true;
      } finally {
        void connection.end();
      }
    } catch (error) {
      signal.throwIfAborted();
      trouble = messageOf(error);
      return undefined;
    }
  };
  const done = await waitFor(attempt, { clock: world.clock, every: 500, within: patience, signal });
  if (done !== undefined) return;
  throw new AppError("E_ETCD", `etcd did not take ${node} in again`, {
    details: [trouble],
    hint: "more than half of its members have to run: 'cluster status'; else 'cluster destroy' and begin anew",
  });
}

async function swap(connection: SshConnection, { node, address, signal }: ReplaceRequest): Promise<void> {
  const peer = `http://${address}:2380`;
  const etcdctl = async (args: string): Promise<string> => {
    const command = `ETCDCTL_API=3 etcdctl --endpoints=http://127.0.0.1:2379 ${args}`;
    const { code, stdout, stderr } = await capture(connection, command, { signal });
    if (code === 0) return stdout;
    throw new AppError("E_ETCD", `etcdctl ${args}: ${(stderr || stdout).trim().split("\n").at(-1) ?? ""}`);
  };
  const old = memberAt(await etcdctl("member list"), peer);
  if (old !== undefined) await etcdctl(`member remove ${old}`);
  await etcdctl(`member add ${shellQuote(node)} --peer-urls=${shellQuote(peer)}`);
}

/** The id of the member with this peer address: one that never started has no name. Pure. */
export function memberAt(list: string, peer: string): string | undefined {
  const rows = list.split("\n").map((line) => line.split(",").map((field) => field.trim()));
  return rows.find((fields) => fields[3] === peer)?.[0];
}
