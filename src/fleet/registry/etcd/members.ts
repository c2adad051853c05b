import type { CallOptions, Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Clock } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import { KV, Lease, Watch } from "./etcd_pb.js";
import { isAnswer } from "./answers.ts";

/** One etcd member and our connection to it, which opens by itself. */
export interface Member {
  readonly url: string;
  readonly kv: Client<typeof KV>;
  readonly lease: Client<typeof Lease>;
  readonly watch: Client<typeof Watch>;
  /** Drops a connection that hangs while it is opened; there is no time-out of its own for that. */
  dropIfHanging(): void;
  close(): void;
}

export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  /** Give up after, ms. */
  readonly within?: number;
}

/** All members of one etcd, of which some may be dead, frozen or cut off. */
export interface Members {
  /** The one that answered last. */
  readonly current: Member;
  readonly all: readonly Member[];
  /**
   * Asks the current member and, every 300 ms or as soon as one has failed, one more. The first answer wins, and who
   * gave it is asked first from then on. What etcd says of the request itself (`isAnswer`) is thrown at once; E_ETCD
   * when nobody answered in time. The request may reach several members: it must bear being carried out twice, even
   * much later.
   */
  call<T>(
    what: string,
    ask: (member: Member, options: CallOptions) => Promise<T>,
    settings?: CallSettings,
  ): Promise<T>;
  /** The member did badly: when it is current, the next in line becomes so. */
  distrust(member: Member): void;
  /** Resolves when another member than `member` is current, or the signal aborts. */
  moved(member: Member, signal: AbortSignal): Promise<void>;
  close(): void;
}

const hedgeAfter = 300;
const pauseBetweenRounds = 100;
const giveUpAfter = 5_000;
const connectWithin = 1_000;

/** Members that have no leader say so at once instead of letting us wait. */
export const headers = { hasleader: "true" };

function openMember(url: string, clock: Clock): Member {
  // etcd is told to allow pings each second; it forbids them on connections without streams.
  const ping = { pingIntervalMs: 1_500, pingTimeoutMs: 800, pingIdleConnection: false };
  const sessionManager = new Http2SessionManager(url, ping);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager });
  let connectingSince: number | undefined;
  return {
    url,
    kv: createClient(KV, transport),
    lease: createClient(Lease, transport),
    watch: createClient(Watch, transport),
    dropIfHanging: () => {
      if (sessionManager.state() !== "connecting") return void (connectingSince = undefined);
      connectingSince ??= clock.monotonic();
      if (clock.monotonic() - connectingSince < connectWithin) return;
      connectingSince = undefined;
      sessionManager.abort(new Error(`no connection to ${url} within ${connectWithin} ms`));
    },
    close: () => sessionManager.abort(new Error("closed")),
  };
}

/** Connects to nobody yet. @param urls such as `http://10.0.0.1:2379`, the nearest first */
export function openMembers(urls: readonly string[], clock: Clock): Members {
  const all = urls.map((url) => openMember(url, clock));
  const [first] = all;
  if (first === undefined) throw new AppError("E_ETCD", "there is no etcd endpoint to talk to");
  const closed = new AbortController();
  const movers = new Set<() => void>();
  let current = first;

  const won = (member: Member): void => {
    if (member === current) return;
    current = member;
    for (const mover of movers) mover();
  };
  return {
    get current() {
      return current;
    },
    all,
    call: async (what, ask, settings = {}) => {
      const { signal, within = giveUpAfter } = settings;
      signal?.throwIfAborted();
      const over = new AbortController();
      const stop = AbortSignal.any([over.signal, closed.signal, ...(signal === undefined ? [] : [signal])]);
      try {
        const order = [current, ...all.filter((member) => member !== current)];
        return await hedge({ what, order, ask, stop, clock, within, won });
      } finally {
        over.abort(new Error("another member has answered"));
      }
    },
    distrust: (member) => {
      if (member === current) won(all[(all.indexOf(member) + 1) % all.length] ?? member);
    },
    moved: (member, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (current === member && !signal.aborted) return;
          movers.delete(look);
          signal.removeEventListener("abort", look);
          resolve();
        };
        movers.add(look);
        signal.addEventListener("abort", look);
        look();
      }),
    close: () => {
      closed.abort(new AppError("E_INTERRUPTED", "the registry's client was closed"));
      for (const member of all) member.close();
    },
  };
}

interface Hedge<T> {
  readonly what: string;
  readonly order: readonly Member[];
  readonly ask: (member: Member, options: CallOptions) => Promise<T>;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly within: number;
  readonly won: (member: Member) => void;
}

async function hedge<T>({ what, order, ask, stop, clock, within, won }: Hedge<T>): Promise<T> {
  const deadline = clock.monotonic() + within;
  const failures = new Map<Member, string>();
  for (;;) {
    const outcome = await oneRound({ order, ask, stop, clock, deadline, failures });
    if (outcome !== undefined) {
      won(outcome.member);
      if ("value" in outcome) return outcome.value;
      throw outcome.error;
    }
    stop.throwIfAborted();
    if (clock.monotonic() + pauseBetweenRounds >= deadline) {
      throw new AppError("E_ETCD", `etcd did not answer within ${within} ms (${what})`, {
        details: order.map((member) => `${member.url}: ${failures.get(member) ?? "no answer"}`),
        hint: "see whether more than half of the etcd members run: etcdctl cluster-health",
      });
    }
    await clock.sleep(pauseBetweenRounds, stop);
  }
}

type Outcome<T> =
  | { readonly member: Member; readonly value: T }
  | { readonly member: Member; readonly error: unknown };

interface Round<T> {
  readonly order: readonly Member[];
  readonly ask: (member: Member, options: CallOptions) => Promise<T>;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly deadline: number;
  readonly failures: Map<Member, string>;
}

/** Asks all members, one after the other has had its head start. Undefined when each has failed. */
async function oneRound<T>({
  order,
  ask,
  stop,
  clock,
  deadline,
  failures,
}: Round<T>): Promise<Outcome<T> | undefined> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stop]);
  const pending = new Set<Promise<Outcome<T> | undefined>>();
  const waiting = [...order];
  const attempt = async (member: Member): Promise<Outcome<T> | undefined> => {
    const timeoutMs = Math.max(1, Math.ceil(deadline - clock.monotonic()));
    try {
      return { member, value: await ask(member, { signal, timeoutMs, headers }) };
    } catch (error) {
      if (isAnswer(error)) return { member, error };
      failures.set(member, messageOf(error));
      return undefined;
    }
  };
  try {
    while (waiting.length > 0 || pending.size > 0) {
      const member = waiting.shift();
      if (member !== undefined) {
        const running = attempt(member).finally(() => pending.delete(running));
        pending.add(running);
      }
      // With nobody left to ask, look now and then whether a connection hangs.
      const pause = clock.sleep(hedgeAfter, signal).then(
        () => undefined,
        () => undefined,
      );
      const outcome = await Promise.race([pause, ...pending]);
      if (outcome !== undefined) return outcome;
      if (stop.aborted) return undefined;
      for (const each of order) each.dropIfHanging();
    }
    return undefined;
  } finally {
    over.abort(new Error("another member has answered"));
  }
}
