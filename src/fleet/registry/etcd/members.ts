import type { CallOptions, Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Clock } from "../../../foundation/clock.ts";
import { AppError } from "../../../foundation/errors.ts";
import { Auth, KV, Lease, Watch } from "./etcd_pb.js";
import { type ConnectionOptions, type TlsTexts, openConnection } from "./connection.ts";
import { type Entry, type Login, createEntry } from "./login.ts";
import { createGate } from "./gate.ts";
import type { Outcome } from "./hedge.ts";
import { hedge } from "./hedge.ts";

/** One etcd member and our connection to it, which opens by itself. */
export interface Member {
  readonly url: string;
  readonly kv: Client<typeof KV>;
  readonly lease: Client<typeof Lease>;
  readonly watch: Client<typeof Watch>;
  readonly auth: Client<typeof Auth>;
  close(): void;
}

export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  /** Give up after, ms. */
  readonly within?: number;
  /** Does not wait in line behind other calls. */
  readonly urgent?: boolean;
}

/** How to ask one member. */
export type Ask<T> = (member: Member, options: CallOptions) => Promise<T>;

/** All members of one etcd, of which some may be dead, frozen or cut off. */
export interface Members {
  /** The one that answered last. */
  readonly current: Member;
  readonly all: readonly Member[];
  /** How many times longer than usual they may take for anything. */
  readonly patience: number;
  /**
   * Asks the current member first and then the others too, see `hedge`. The first answer wins, and who gave it is asked
   * first from then on. What etcd says of the request itself (`isAnswer`) is thrown at once; E_ETCD when nobody
   * answered in time. The request may reach several members: it must bear being carried out twice, even much later.
   */
  call<T>(what: string, ask: Ask<T>, settings?: CallSettings): Promise<T>;
  /** The headers of a call that is not made by `call`, such as a watch. */
  headersFor(member: Member, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The member did badly: when it is current, the next in line becomes so. */
  distrust(member: Member): void;
  /** Resolves when another member than `member` is current, or the signal aborts. */
  moved(member: Member, signal: AbortSignal): Promise<void>;
  close(): void;
}

const giveUpAfter = 5_000;
/** More would only make each slower, until answers are so late that everything is asked twice. */
const callsAtOnce = 64;

/** Members that have no leader say so at once instead of letting us wait. */
const headers = { hasleader: "true" };

function openMember(url: string, options: ConnectionOptions): Member {
  const connection = openConnection(url, options);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager: connection });
  return {
    url,
    kv: createClient(KV, transport),
    lease: createClient(Lease, transport),
    watch: createClient(Watch, transport),
    auth: createClient(Auth, transport),
    close: () => connection.close(),
  };
}

/** How etcd is convinced, where it asks, and how patiently it is treated. */
export interface Access {
  readonly tls?: TlsTexts | undefined;
  readonly login?: Login | undefined;
  /** How many times longer than usual etcd may take for anything; 1 when missing. */
  readonly patience?: number | undefined;
}

/** Connects to nobody yet. @param urls such as `http://10.0.0.1:2379`, the nearest first */
export function openMembers(urls: readonly string[], clock: Clock, access: Access = {}): Members {
  const { tls, patience = 1 } = access;
  const all = urls.map((url) => openMember(url, { clock, tls, patience }));
  const favour = createFavour(all);
  const entry = createEntry(access.login);
  const closed = new AbortController();
  const gate = createGate(callsAtOnce);
  let lately = 0;

  return {
    get current() {
      return favour.current;
    },
    all,
    patience,
    call: async <T>(what: string, ask: Ask<T>, settings: CallSettings = {}): Promise<T> => {
      const { signal, within = giveUpAfter * patience } = settings;
      const stop = AbortSignal.any(signal === undefined ? [closed.signal] : [signal, closed.signal]);
      stop.throwIfAborted();
      const deadline = clock.monotonic() + within;
      const work = (): Promise<Outcome<Member, T>> => {
        const { order } = favour;
        const question = { what, order, clock, within, deadline, patience, lately, stop };
        return hedge(question, withHeaders(ask, access.login === undefined ? undefined : entry));
      };
      const asked = async (): Promise<Outcome<Member, T>> => {
        const [began, first] = [clock.monotonic(), favour.current];
        const outcome = await work();
        // Who is frozen says nothing of how fast the others are.
        if (outcome.member === first) lately += (clock.monotonic() - began - lately) / 8;
        return outcome;
      };
      const outcome = await (settings.urgent === true ? asked() : gate.pass(asked, stop));
      favour.give(outcome.member);
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    },
    headersFor: async (member, signal) => ({ ...headers, ...(await entry.token(member, { signal })) }),
    distrust: (member) => {
      entry.forget();
      favour.withdraw(member);
    },
    moved: (member, signal) => favour.moved(member, signal),
    close: () => {
      closed.abort(new AppError("E_INTERRUPTED", "the registry's client was closed"));
      for (const member of all) member.close();
    },
  };
}

/** @param entry undefined: nobody asks who we are */
function withHeaders<T>(ask: Ask<T>, entry: Entry | undefined): Ask<T> {
  if (entry === undefined) return (member, options) => ask(member, { ...options, headers });
  return (member, options) =>
    entry.enter(member, options, (token) => ask(member, { ...options, headers: { ...headers, ...token } }));
}

/** Which member is the current one. */
interface Favour extends Pick<Members, "current" | "moved"> {
  /** All members, the current one first. */
  readonly order: readonly Member[];
  give(member: Member): void;
  /** When the member is current, the next in line becomes so. */
  withdraw(member: Member): void;
}

/** The first member has it. @throws E_ETCD when there is none */
function createFavour(all: readonly Member[]): Favour {
  const [first] = all;
  if (first === undefined) throw new AppError("E_ETCD", "there is no etcd endpoint to talk to");
  const movers = new Set<() => void>();
  let current = first;

  const give = (member: Member): void => {
    if (member === current) return;
    current = member;
    for (const mover of movers) mover();
  };
  return {
    get current() {
      return current;
    },
    get order() {
      return [current, ...all.filter((member) => member !== current)];
    },
    give,
    withdraw: (member) => {
      if (member === current) give(all[(all.indexOf(member) + 1) % all.length] ?? member);
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
  };
}
