import { AppError, isAppError } from "../../foundation/errors.ts";
import type { SessionContext } from "./memory-session.ts";
import type { MemoryStore } from "./memory-store.ts";
import type { Decision, Term } from "./registry.ts";
import type { Change } from "./replica.ts";

/** The session that stands for leader. */
export interface Candidate {
  readonly machineID: string;
  readonly leaseId: string;
  /** The end of the session. */
  readonly lost: AbortSignal;
  /** Writes under the session's lease. @throws E_ETCD when that cannot be */
  readonly write: (changes: readonly Change[], signal?: AbortSignal) => void;
}

/** Waits until this machine leads, as the port describes it. */
export async function campaignInMemory(
  context: SessionContext,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<Term> {
  const { machineID, leaseId, lost, write } = candidate;
  await leading(context.store, leaseId, AbortSignal.any([signal, lost]), () =>
    write([{ kind: "leader", value: machineID }], signal),
  );
  return openTerm(context, candidate);
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
export function endEarlierTerm(store: MemoryStore, leaseId: string): void {
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

function openTerm(context: SessionContext, { machineID, leaseId, lost }: Candidate): Term {
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
