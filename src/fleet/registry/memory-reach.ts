import { AppError } from "../../foundation/errors.ts";
import type { SessionKeeper } from "./memory-session.ts";
import type { MemoryStore } from "./memory-store.ts";
import type { FedMirror } from "./mirror.ts";
import type { Change } from "./replica.ts";

/** What one client has open, and what stands between it and the store. */
export interface ClientState {
  readonly sessions: Set<SessionKeeper>;
  readonly mirrors: Set<FedMirror>;
  cut: boolean;
  closed: boolean;
}

/** Who can reach the twin's store: whoever can is told of its changes, and its leases are kept. */
export interface Reach {
  /** A new client, which reaches the store unless it is stopped. */
  open(): ClientState;
  /** @throws E_ETCD when the client cannot reach the store, or the signal's reason */
  check(client: ClientState, signal?: AbortSignal): void;
  set(client: ClientState, change: Partial<Pick<ClientState, "cut" | "closed">>): void;
  /** Nobody reaches the store from now on, and no lease runs out. */
  stop(): void;
  start(): void;
}

export function createReach(store: MemoryStore): Reach {
  const clients = new Set<ClientState>();
  let stopped = false;

  const reachable = (client: ClientState): boolean => !stopped && !client.cut && !client.closed;
  store.onChange((changes) => {
    for (const client of clients) {
      if (!reachable(client)) continue;
      if (changes.length > 0) for (const mirror of client.mirrors) mirror.apply(changes, store.revision);
      for (const session of client.sessions) session.look();
    }
  });
  const rewire = (change: () => void): void => {
    const before = new Map([...clients].map((client) => [client, reachable(client)]));
    change();
    for (const [client, could] of before) {
      if (could && !reachable(client)) disconnect(client);
      if (!could && reachable(client)) reconnect(client, store);
    }
    tend(store, [...clients].filter(reachable), stopped);
    store.touch();
  };

  return {
    open: () => {
      const client: ClientState = { sessions: new Set(), mirrors: new Set(), cut: false, closed: false };
      clients.add(client);
      return client;
    },
    check: (client, signal) => {
      signal?.throwIfAborted();
      if (!reachable(client)) throw new AppError("E_ETCD", "etcd does not answer");
    },
    set: (client, change) => rewire(() => Object.assign(client, change)),
    stop: () => rewire(() => (stopped = true)),
    start: () => rewire(() => (stopped = false)),
  };
}

/** Leases run while nobody who reaches the store holds them. */
function tend(store: MemoryStore, reaching: readonly ClientState[], stopped: boolean): void {
  const held = new Set(reaching.flatMap(({ sessions }) => [...sessions]).map(({ leaseId }) => leaseId));
  for (const lease of store.leases) {
    if (stopped || held.has(lease)) store.keep(lease);
    else store.neglect(lease);
  }
}

function disconnect(state: ClientState): void {
  for (const session of state.sessions) session.silent();
  for (const mirror of state.mirrors) {
    if (state.closed) mirror.fail(new AppError("E_INTERRUPTED", "the registry's client was closed"));
    else mirror.setFresh(false);
  }
  if (state.closed) state.sessions.clear();
}

function reconnect(state: ClientState, store: MemoryStore): void {
  for (const session of state.sessions) session.heard();
  for (const mirror of state.mirrors) refresh(mirror, store);
}

/** Brings a mirror to what the store holds now. */
export function refresh(mirror: FedMirror, store: MemoryStore): void {
  const changes = [...store.entries.values()].map((entry): Change => entry.change);
  mirror.origin = store.origin;
  mirror.reset(changes, store.revision);
  mirror.setFresh(true);
}
