import { waitFor, type Clock } from "../../foundation/clock.ts";
import { AppError, isAppError, messageOf } from "../../foundation/errors.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import { requestOver, type HttpAnswer } from "../access/node-http.ts";

/** One member as etcd lists it; a member that was added and has never started has no name. */
export interface EtcdMember {
  readonly id: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
}

/** etcd's own list of members, changed over one node's connection. Every call throws E_ETCD with etcd's words. */
export interface EtcdMembers {
  list(): Promise<readonly EtcdMember[]>;
  /**
   * Adds a member by the address of its machine. One that is there and has never started is as good; one that has started
   * is taken off first: its data is gone, and etcd would remember that it has voted.
   */
  add(address: string): Promise<void>;
  /** Takes a member off; none is fine. */
  remove(address: string): Promise<void>;
  /** Waits until the members that are left answer as one. */
  settled(clock: Clock, signal: AbortSignal): Promise<void>;
}

/** The others may only just be starting, and etcd changes its members only after it has been well for a while, ms. */
const patience = 90_000;

/**
 * Does something to etcd's members again and again until etcd agrees.
 * @throws E_ETCD with etcd's last words
 */
export async function untilAgreed(
  what: () => Promise<void>,
  { clock, node, signal }: { readonly clock: Clock; readonly node: string; readonly signal: AbortSignal },
): Promise<void> {
  let trouble: readonly string[] = [];
  const attempt = async (): Promise<true | undefined> => {
    try {
      await what();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      trouble = [messageOf(error), ...(isAppError(error) ? error.details : [])];
      return undefined;
    }
  };
  if ((await waitFor(attempt, { clock, every: 500, within: patience, signal })) !== undefined) return;
  throw new AppError("E_ETCD", `etcd's members did not agree on the change of ${node}`, {
    details: trouble,
    hint: "more than half of its members have to run: 'cluster status'; else 'cluster destroy' and begin anew",
  });
}

/** etcd may have to elect a leader and to write before it answers, ms. */
const within = 10_000;

/** Asks the etcd, or the gateway to it, of the node behind the connection; by the API that old and new etcd have. */
export function etcdMembersOver(connection: SshConnection): EtcdMembers {
  const ask = async (method: string, path: string, body?: object): Promise<HttpAnswer> => {
    const stream = await connection.openTcp("127.0.0.1", 2379);
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return await requestOver(stream, { method, path, ...text }, within);
  };
  const list = async (): Promise<readonly EtcdMember[]> => {
    const answer = must(await ask("GET", "/v2/members"), "list its members");
    return (JSON.parse(answer.body) as { members: EtcdMember[] }).members;
  };
  const find = async (address: string): Promise<EtcdMember | undefined> => {
    const at = (url: string): boolean => new URL(url).hostname === address;
    return (await list()).find(({ peerURLs }) => peerURLs.some(at));
  };
  return {
    list,
    add: async (address) => {
      const old = await find(address);
      if (old?.name === "") return;
      if (old !== undefined) must(await ask("DELETE", `/v2/members/${old.id}`), `replace ${address}`);
      const body = { peerURLs: [`http://${address}:2380`] };
      must(await ask("POST", "/v2/members", body), `add ${address} as a member`);
    },
    remove: async (address) => {
      const member = await find(address);
      if (member === undefined) return;
      const answer = await ask("DELETE", `/v2/members/${member.id}`);
      if (answer.status !== 410) must(answer, `take ${address} off its members`);
    },
    settled: async (clock, signal) => {
      const look = async (): Promise<true | undefined> => {
        const answer = await ask("GET", "/health").catch(() => undefined);
        return answer?.status === 200 && answer.body.includes("true") ? true : undefined;
      };
      const healthy = await waitFor(look, { clock, every: 100, within: 3 * within, signal });
      if (healthy !== undefined) return;
      throw new AppError("E_ETCD", "etcd does not recover from the change of its members", {
        hint: "see 'cluster status'",
      });
    },
  };
}

function must(answer: HttpAnswer, what: string): HttpAnswer {
  if (answer.status < 300) return answer;
  throw new AppError("E_ETCD", `etcd could not ${what}`, {
    details: [answer.body.trim() === "" ? `it answers ${answer.status}` : answer.body.trim()],
    hint: "all other members must run and be healthy: see 'cluster status'",
  });
}
