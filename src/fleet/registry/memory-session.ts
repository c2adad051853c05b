import type { Clock } from "../../foundation/clock.ts";
import { AppError, isAppError } from "../../foundation/errors.ts";
import type { Machine } from "../model.ts";
import type { MemoryStore } from "./memory-store.ts";
import type { Decision, Hold, HoldRequest, JoinRequest, JoinResult, Session, Term } from "./registry.ts";
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
  let since = clock.monotonic();
  let silentFrom: number | undefined;
  const gap = (): boolean => silentFrom !== undefined && clock.monotonic() - silentFrom > ttl;

  const keeper: SessionKeeper = {
    leaseId,
    silent: () => {
      silentFrom = clock.monotonic();
    },
    heard: () => {
      if (gap()) since = clock.monotonic();
      silentFrom = undefined;
    },
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
      return gap() ? clock.monotonic() : since;
    },
    updateMachine: async (machine, signal) =>
      write([{ kind: "machine", id: machineID, value: machine }], signal),
    putState: async (state, signal) =>
      write([{ kind: "state", machineID, unit: state.unit, value: state }], signal),
    deleteState: async (unit, signal) =>
      write([{ kind: "state", machineID, unit, value: undefined }], signal),
    campaign: async (signal) => {
      await leading(store, leaseId, AbortSignal.any([signal, lost.signal]), () =>
        write([{ kind: "leader", value: machineID }], signal),
      );
      return openTerm(context, { machineID, leaseId, lost: lost.signal });
    },
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

/** Takes the lead as soon as nobody else has it. */
async function leading(
  store: MemoryStore,
  leaseId: string,
  signal: AbortSignal,
  take: () => void,
): Promise<void> {
  endEarlierTerm(store, leaseId);
  while (!tryTo(store, take)) {
    signal.throwIfAborted();
    await nextChange(store, signal);
  }
}

/** Whoever led under this lease leads no more. */
function endEarlierTerm(store: MemoryStore, leaseId: string): void {
  if (store.entries.get("leader")?.lease === leaseId) store.write([{ kind: "leader", value: undefined }]);
}

function tryTo(store: MemoryStore, take: () => void): boolean {
  if (store.entries.has("leader")) return false;
  try {
    take();
    return true;
  } catch (error) {
    // Cut off: the mend is a change that makes us try again; the end of the lease aborts the signal.
    if (isAppError(error, "E_ETCD")) return false;
    throw error;
  }
}

function nextChange(store: MemoryStore, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = store.onChange(() => {
      stop();
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      stop();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort);
  });
}

function openTerm(
  context: SessionContext,
  { machineID, leaseId, lost }: { machineID: string; leaseId: string; lost: AbortSignal },
): Term {
  const { store } = context;
  const created = store.entries.get("leader")?.created;
  const over = new AbortController();
  const leads = (): boolean => store.entries.get("leader")?.created === created;
  const end = (): void => over.abort(new AppError("E_ETCD", "the term as leader is over"));
  lost.addEventListener("abort", end, { once: true });
  if (lost.aborted) end();
  return {
    over: over.signal,
    commit: async (decisions, signal) => {
      context.check(signal);
      if (over.signal.aborted || !leads()) {
        end();
        return "deposed";
      }
      const before = store.revision;
      for (const decision of decisions) {
        const change = decide(store, decision);
        if (change === undefined) continue;
        if (decision.kind !== "release") store.write([change]);
        else {
          const released = { [decision.unit]: decision.reason };
          store.write([change, { kind: "leader", value: machineID, released }], leaseId);
        }
      }
      return store.revision === before ? 0n : store.revision;
    },
    resign: async (signal) => {
      if (over.signal.aborted) return;
      context.check(signal);
      if (leads()) store.write([{ kind: "leader", value: undefined }]);
      end();
    },
  };
}

/** The change that a decision makes; none when what it was decided upon is no longer so. */
function decide(store: MemoryStore, decision: Decision): Change | undefined {
  const has = (unit: string): boolean => store.entries.has(`unit/${unit}`);
  switch (decision.kind) {
    case "place": {
      const { placement } = decision;
      const open = has(placement.unit) && !store.entries.has(`placement/${placement.unit}`);
      return open ? { kind: "placement", unit: placement.unit, value: placement } : undefined;
    }
    case "release": {
      const found = store.entries.get(`placement/${decision.unit}`)?.change;
      const from = found?.kind === "placement" ? found.value?.machineID : undefined;
      return from === decision.from
        ? { kind: "placement", unit: decision.unit, value: undefined }
        : undefined;
    }
    case "refuse": {
      const { refusal } = decision;
      return has(refusal.unit) ? { kind: "refusal", unit: refusal.unit, value: refusal } : undefined;
    }
    case "forgive":
      return { kind: "refusal", unit: decision.unit, value: undefined };
  }
}
