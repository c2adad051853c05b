import type { Clock } from "../../foundation/clock.ts";
import { createLeases, type Leases } from "./memory-leases.ts";
import type { Change } from "./replica.ts";

/** A record as the twin keeps it. */
export interface Entry {
  readonly change: Change;
  /** The lease that it lives under. */
  readonly lease: string | undefined;
  /** The revision of its creation. */
  readonly created: bigint;
}

/** What the twin has instead of etcd: records with revisions, under leases that run out. */
export interface MemoryStore extends Pick<Leases, "grant" | "alive" | "neglect" | "keep"> {
  readonly revision: bigint;
  /** See Mirror.origin. */
  readonly origin: string;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Writes and removes in one step; gives its revision. */
  write(changes: readonly Change[], lease?: string): bigint;
  /** Ends the lease and removes what lives under it. */
  revoke(lease: string): void;
  readonly leases: readonly string[];
  /** Called after each step, and at each `touch` with no changes. Gives the way to stop that. */
  onChange(listener: (changes: readonly Change[]) => void): () => void;
  /** Forgets everything, also its revision, as a store that was made anew. */
  wipe(): void;
  /** Makes everybody look again, because who can reach the store has changed. */
  touch(): void;
}

/** The name of the record that `change` writes. */
export function keyOf(change: Change): string {
  switch (change.kind) {
    case "machine":
      return `machine/${change.id}`;
    case "unit":
      return `unit/${change.name}`;
    case "state":
      return `state/${change.machineID}/${change.unit}`;
    case "metadata":
      return `metadata/${change.machineID}/${change.key}`;
    case "placement":
    case "refusal":
      return `${change.kind}/${change.unit}`;
    case "cordon":
      return `cordon/${change.machineID}`;
    case "leader":
      return "leader";
  }
}

/** An empty store. Leases run out by `clock`. */
export function createMemoryStore(clock: Clock): MemoryStore {
  const records = createRecords();
  const leases = createLeases(clock, (lease) => revoke(lease));
  const listeners = new Set<(changes: readonly Change[]) => void>();
  let age = 1;

  const write = (changes: readonly Change[], lease?: string): bigint => {
    const real = records.write(changes, lease);
    if (real.length > 0) for (const listener of listeners) listener(real);
    return records.revision;
  };
  const revoke = (lease: string): void => {
    leases.end(lease);
    const under = [...records.entries.values()].filter((entry) => entry.lease === lease);
    write(under.map(({ change }) => ({ ...change, value: undefined })));
  };

  return {
    get revision() {
      return records.revision;
    },
    get origin() {
      return `store ${age}`;
    },
    entries: records.entries,
    write,
    grant: (ttl) => leases.grant(ttl),
    alive: (lease) => leases.alive(lease),
    neglect: (lease) => leases.neglect(lease),
    keep: (lease) => leases.keep(lease),
    revoke,
    get leases() {
      return leases.all;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wipe: () => {
      for (const lease of leases.all) leases.end(lease);
      records.clear();
      age += 1;
    },
    touch: () => {
      for (const listener of listeners) listener([]);
    },
  };
}

/** The data themselves. */
interface Records extends Pick<MemoryStore, "revision" | "entries"> {
  /** Gives what of the changes was one. */
  write(changes: readonly Change[], lease: string | undefined): readonly Change[];
  /** Starts over, also with the revisions. */
  clear(): void;
}

function createRecords(): Records {
  const entries = new Map<string, Entry>();
  let revision = 1n;
  return {
    get revision() {
      return revision;
    },
    entries,
    write: (changes, lease) => {
      const wanted = changes.filter((change) => change.value !== undefined || entries.has(keyOf(change)));
      if (wanted.length === 0) return [];
      revision += 1n;
      const real = wanted.map((change) => withAge(change, entries.get(keyOf(change))?.created ?? revision));
      for (const change of real) {
        const key = keyOf(change);
        const created = entries.get(key)?.created ?? revision;
        if (change.value === undefined) entries.delete(key);
        else entries.set(key, { change, lease, created });
      }
      return real;
    },
    clear: () => {
      entries.clear();
      revision = 1n;
    },
  };
}

/** A machine's record cannot know its own revision. */
function withAge(change: Change, created: bigint): Change {
  if (change.kind !== "machine" || change.value === undefined) return change;
  return { ...change, value: { ...change.value, joined: Number(created) } };
}
