import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Machine } from "../model.ts";
import type { MemoryStore } from "./memory-store.ts";
import { campaignInMemory, endEarlierTerm } from "./memory-term.ts";
import type { Hold, HoldRequest, JoinRequest, JoinResult, Session } from "./registry.ts";
import type { Change } from "./replica.ts";

/** What the twin's wiring tells a session about its connection. */
export interface SessionKeeper {
  readonly leaseId: string;
  /** No answers from now on. */
  silent(): void;
  /** Answers again. */
  heard(): void;
  /** Something may have ended the lease. */
  look(): void;
}

/** What the sessions of one client share. */
export interface SessionContext {
  readonly store: MemoryStore;
  readonly clock: Clock;
  /** Throws when the client cannot reach the store. */
  readonly check: (signal?: AbortSignal) => void;
  readonly keep: Set<SessionKeeper>;
}

/** Joins as the port describes it. Waits for a record of another boot to go, at most its time to live. */
export async function joinInMemory(
  context: SessionContext,
  request: JoinRequest,
  signal: AbortSignal,
): Promise<JoinResult> {
  const { store, check, clock } = context;
  const { machine, ttl, resume } = request;
  check(signal);
  const other = findMachine(store, machine.id);
  if (other !== undefined && other.nonce !== machine.nonce) {
    await goneOrLate(store, clock, { id: machine.id, ttl, signal });
    check(signal);
    const still = findMachine(store, machine.id);
    if (still !== undefined) return { kind: "duplicate", machine: still };
  }
  const resumed = resume !== undefined && store.alive(resume.leaseId);
  const leaseId = resumed ? resume.leaseId : store.grant(ttl);
  store.keep(leaseId);
  store.write([{ kind: "machine", id: machine.id, value: machine }], leaseId);
  if (resumed) endEarlierTerm(store, leaseId);
  return { kind: "joined", session: openSession(context, machine.id, leaseId, ttl), resumed };
}

/** Holds as the port describes it. */
export function holdInMemory(context: SessionContext, { leaseId, ttl }: HoldRequest): Hold | undefined {
  if (!context.store.alive(leaseId)) return undefined;
  context.store.keep(leaseId);
  return openSession(context, "", leaseId, ttl);
}

function findMachine(store: MemoryStore, id: string): Machine | undefined {
  const change = store.entries.get(`machine/${id}`)?.change;
  return change?.kind === "machine" ? change.value : undefined;
}

async function goneOrLate(
  store: MemoryStore,
  clock: Clock,
  { id, ttl, signal }: { id: string; ttl: number; signal: AbortSignal },
): Promise<void> {
  const gone = new AbortController();
  const stop = store.onChange(() => {
    if (findMachine(store, id) === undefined) gone.abort(new Error("the record is gone"));
  });
  try {
    await clock.sleep(ttl, AbortSignal.any([signal, gone.signal]));
  } catch {
    signal.throwIfAborted();
  } finally {
    stop();
  }
}

function openSession(context: SessionContext, machineID: string, leaseId: string, ttl: number): Session {
  const { store, clock, keep } = context;
  const lost = new AbortController();
  const contact = keepContact(clock, ttl);
  const keeper: SessionKeeper = {
    leaseId,
    silent: () => contact.silent(),
    heard: () => contact.heard(),
    look: () => {
      if (store.alive(leaseId)) return;
      keep.delete(keeper);
      lost.abort(new AppError("E_ETCD", `the lease ${leaseId} has ended`));
    },
  };
  keep.add(keeper);
  const write = (changes: readonly Change[], signal?: AbortSignal): void => {
    context.check(signal);
    if (!store.alive(leaseId)) throw new AppError("E_ETCD", `the lease ${leaseId} has ended`);
    store.write(changes, leaseId);
  };

  return {
    machineID,
    leaseId,
    lost: lost.signal,
    get unbrokenSince() {
      return contact.unbrokenSince;
    },
    doubt: () => keeper.look(),
    updateMachine: async (machine, signal) =>
      write([{ kind: "machine", id: machineID, value: machine }], signal),
    putState: async (state, signal) =>
      write([{ kind: "state", machineID, unit: state.unit, value: state }], signal),
    deleteState: async (unit, signal) =>
      write([{ kind: "state", machineID, unit, value: undefined }], signal),
    campaign: (signal) => campaignInMemory(context, { machineID, leaseId, lost: lost.signal, write }, signal),
    withdraw: async (signal) => {
      context.check(signal);
      endEarlierTerm(store, leaseId);
    },
    end: async (signal) => {
      if (lost.signal.aborted) return;
      context.check(signal);
      store.revoke(leaseId);
      keeper.look();
    },
  };
}

/** How long a connection has been without a silence that is longer than `ttl`. */
interface Contact extends Pick<SessionKeeper, "silent" | "heard">, Pick<Session, "unbrokenSince"> {}

function keepContact(clock: Clock, ttl: number): Contact {
  let since = clock.monotonic();
  let silentFrom: number | undefined;
  const gap = (): boolean => silentFrom !== undefined && clock.monotonic() - silentFrom > ttl;
  return {
    silent: () => {
      silentFrom = clock.monotonic();
    },
    heard: () => {
      if (gap()) since = clock.monotonic();
      silentFrom = undefined;
    },
    get unbrokenSince() {
      return gap() ? clock.monotonic() : since;
    },
  };
}
