import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Snapshot, Unit } from "../model.ts";
import { newerLayout } from "./etcd/layout.ts";
import type { MemoryStore } from "./memory-store.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { SessionContext } from "./memory-session.ts";
import { holdInMemory, joinInMemory } from "./memory-session.ts";
import type { ClientState } from "./memory-reach.ts";
import { createReach, refresh } from "./memory-reach.ts";
import type { FedMirror } from "./mirror.ts";
import { createMirror } from "./mirror.ts";
import type { Mirror, Registry } from "./registry.ts";
import { createReplica } from "./replica.ts";

/** The registry's in-memory twin: several clients of one store, and the faults that tests need. */
export interface MemoryRegistry {
  /** A client as one fleetd has it. */
  client(): MemoryClient;
  /** The client gets no more answers: its calls fail, its mirrors are stale, its leases run out after their time. */
  cut(client: MemoryClient): void;
  /** Ends `cut`: mirrors catch up at once; sessions whose lease ran out are lost. */
  mend(client: MemoryClient): void;
  /** Nobody gets answers, and no lease runs out (etcd without quorum). */
  stop(): void;
  /** Ends `stop`. Leases start their time to live anew, as under a new etcd leader. */
  start(): void;
  /** Etcd loses all its data, and is made anew. */
  wipe(): void;
  /** A newer fleet, whose layout this one does not know, takes the registry over. */
  outgrow(): void;
  /** Ends this lease now, or all of them. Clients that are cut learn of it when they are mended. */
  expire(leaseId?: string): void;
  /** What the store holds now. */
  readonly snapshot: Snapshot;
}

/** `close` is the end of the process: its leases are no longer kept, but not given back either. */
export interface MemoryClient extends Registry {
  close(): Promise<void>;
}

/** An empty registry in memory. */
export function createMemoryRegistry(options: { readonly clock: Clock }): MemoryRegistry {
  const store = createMemoryStore(options.clock);
  const all = createReplica();
  store.onChange((changes) => {
    if (changes.length > 0) all.apply(changes, store.revision);
  });
  const reach = createReach(store);
  const clients = new Map<MemoryClient, ClientState>();
  let outgrown = false;

  return {
    client: () => {
      const state = reach.open();
      const check: Check = (signal) => reach.check(state, signal);
      const ready: Check = (signal) => {
        check(signal);
        if (outgrown) throw newerLayout("2");
      };
      const context = { store, check, clock: options.clock, keep: state.sessions };
      const client = {
        ...registry(context, state.mirrors, ready),
        close: async () => reach.set(state, { closed: true }),
      };
      clients.set(client, state);
      return client;
    },
    cut: (client) => reach.set(stateOf(client, clients), { cut: true }),
    mend: (client) => reach.set(stateOf(client, clients), { cut: false }),
    stop: () => reach.stop(),
    start: () => reach.start(),
    wipe: () => {
      reach.stop();
      store.wipe();
      all.reset([], store.revision);
      reach.start();
    },
    outgrow: () => {
      outgrown = true;
      for (const { mirrors } of clients.values()) for (const mirror of mirrors) mirror.fail(newerLayout("2"));
    },
    expire: (leaseId) => {
      for (const lease of leaseId === undefined ? store.leases : [leaseId]) store.revoke(lease);
      store.touch();
    },
    get snapshot() {
      return all.snapshot;
    },
  };
}

function stateOf(client: MemoryClient, clients: ReadonlyMap<MemoryClient, ClientState>): ClientState {
  const state = clients.get(client);
  if (state === undefined) throw new AppError("E_BUG", "the client is of another registry");
  return state;
}

type Check = (signal?: AbortSignal) => void;

/** All that a client asks of the store, each time only if `ready` lets it. */
function registry(context: SessionContext, mirrors: Set<FedMirror>, ready: Check): Registry {
  const { store } = context;
  return {
    ...unitWrites(store, ready),
    ...cordonWrites(store, ready),
    ...sessions(context, ready),
    follow: async (signal) => follow(store, mirrors, ready, signal),
  };
}

function follow(
  store: MemoryStore,
  mirrors: Set<FedMirror>,
  check: (signal: AbortSignal) => void,
  signal: AbortSignal,
): Mirror {
  check(signal);
  const onAbort = (): void => mirror.fail(signal.reason as Error);
  const mirror = createMirror({
    later: queueMicrotask,
    onClose: () => {
      mirrors.delete(mirror);
      signal.removeEventListener("abort", onAbort);
    },
  });
  signal.addEventListener("abort", onAbort, { once: true });
  mirrors.add(mirror);
  refresh(mirror, store);
  return mirror;
}

function sessions(context: SessionContext, ready: Check): Pick<Registry, "join" | "hold"> {
  return {
    join: async (request, signal) => {
      ready(signal);
      return joinInMemory(context, request, signal);
    },
    hold: async (lease, signal) => {
      context.check(signal);
      return holdInMemory(context, lease);
    },
  };
}

type UnitWrites = Pick<Registry, "putUnit" | "setDesired" | "deleteUnit" | "setMetadata">;

function unitWrites(store: MemoryStore, check: Check): UnitWrites {
  const find = (name: string): Unit | undefined => {
    const change = store.entries.get(`unit/${name}`)?.change;
    return change?.kind === "unit" ? change.value : undefined;
  };
  return {
    putUnit: async (unit, signal) => {
      check(signal);
      return store.write([{ kind: "unit", name: unit.name, value: unit }]);
    },
    setDesired: async (name, desired, signal) => {
      check(signal);
      const unit = find(name);
      return unit && store.write([{ kind: "unit", name, value: { ...unit, desired } }]);
    },
    setMetadata: async (changes, signal) => {
      check(signal);
      return store.write(changes.map((change) => ({ kind: "metadata", ...change })));
    },
    deleteUnit: async (name, signal) => {
      check(signal);
      if (find(name) === undefined) return undefined;
      return store.write([
        { kind: "unit", name, value: undefined },
        { kind: "placement", unit: name, value: undefined },
        { kind: "refusal", unit: name, value: undefined },
      ]);
    },
  };
}

type CordonWrites = Pick<Registry, "cordon" | "uncordon">;

function cordonWrites(store: MemoryStore, check: Check): CordonWrites {
  return {
    cordon: async (cordon, signal) => {
      check(signal);
      const { machineID } = cordon;
      if (store.entries.has(`cordon/${machineID}`)) return store.revision;
      return store.write([{ kind: "cordon", machineID, value: cordon }]);
    },
    uncordon: async (machineID, signal) => {
      check(signal);
      if (!store.entries.has(`cordon/${machineID}`)) return undefined;
      return store.write([{ kind: "cordon", machineID, value: undefined }]);
    },
  };
}
