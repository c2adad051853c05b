import type { Clock } from "../../foundation/clock.ts";
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
export interface MemoryStore {
  readonly revision: bigint;
  /** See Mirror.origin. */
  readonly origin: string;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Writes and removes in one step; gives its revision. */
  write(changes: readonly Change[], lease?: string): bigint;
  grant(ttl: number): string;
  alive(lease: string): boolean;
  /** From now on nobody keeps the lease: it ends after its time to live. */
  neglect(lease: string): void;
  /** Somebody keeps the lease again. */
  keep(lease: string): void;
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

interface Lease {
  readonly ttl: number;
  expiry: AbortController | undefined;
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

/** A machine's record cannot know its own revision. */
function withAge(change: Change, created: bigint): Change {
  if (change.kind !== "machine" || change.value === undefined) return change;
  return { ...change, value: { ...change.value, joined: Number(created) } };
}

/** An empty store. Leases run out by `clock`. */
export function createMemoryStore(clock: Clock): MemoryStore {
  const entries = new Map<string, Entry>();
  const leases = new Map<string, Lease>();
  const listeners = new Set<(changes: readonly Change[]) => void>();
  let revision = 1n;
  let granted = 0;
  let age = 1;

  const write = (changes: readonly Change[], lease?: string): bigint => {
    const wanted = changes.filter((change) => change.value !== undefined || entries.has(keyOf(change)));
    if (wanted.length === 0) return revision;
    revision += 1n;
    const real = wanted.map((change) => withAge(change, entries.get(keyOf(change))?.created ?? revision));
    for (const change of real) {
      const key = keyOf(change);
      const created = entries.get(key)?.created ?? revision;
      if (change.value === undefined) entries.delete(key);
      else entries.set(key, { change, lease, created });
    }
    for (const listener of listeners) listener(real);
    return revision;
  };
  const keep = (lease: string): void => {
    const found = leases.get(lease);
    found?.expiry?.abort(new Error("the lease is kept"));
    if (found !== undefined) found.expiry = undefined;
  };
  const revoke = (lease: string): void => {
    keep(lease);
    leases.delete(lease);
    const under = [...entries.values()].filter((entry) => entry.lease === lease);
    write(under.map(({ change }) => ({ ...change, value: undefined })));
  };

  return {
    get revision() {
      return revision;
    },
    get origin() {
      return `store ${age}`;
    },
    entries,
    write,
    grant: (ttl) => {
      granted += 1;
      const id = String(granted);
      leases.set(id, { ttl, expiry: undefined });
      return id;
    },
    alive: (lease) => leases.has(lease),
    neglect: (lease) => {
      const found = leases.get(lease);
      if (found === undefined || found.expiry !== undefined) return;
      const expiry = new AbortController();
      found.expiry = expiry;
      clock.sleep(found.ttl, expiry.signal).then(
        () => revoke(lease),
        () => undefined,
      );
    },
    keep,
    revoke,
    get leases() {
      return [...leases.keys()];
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wipe: () => {
      for (const lease of leases.keys()) keep(lease);
      leases.clear();
      entries.clear();
      revision = 1n;
      age += 1;
    },
    touch: () => {
      for (const listener of listeners) listener([]);
    },
  };
}
