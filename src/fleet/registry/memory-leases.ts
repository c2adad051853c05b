import type { Clock } from "../../foundation/clock.ts";

/** The twin's leases and their times to live. What lives under a lease is not their business. */
export interface Leases {
  /** @param ttl ms */
  grant(ttl: number): string;
  alive(lease: string): boolean;
  /** From now on nobody keeps the lease: it ends after its time to live. */
  neglect(lease: string): void;
  /** Somebody keeps the lease again. */
  keep(lease: string): void;
  readonly all: readonly string[];
  end(lease: string): void;
}

interface Lease {
  readonly ttl: number;
  expiry: AbortController | undefined;
}

/** @param ranOut ends a lease that nobody has kept for its time to live */
export function createLeases(clock: Clock, ranOut: (lease: string) => void): Leases {
  const leases = new Map<string, Lease>();
  let granted = 0;
  const keep = (lease: string): void => {
    const found = leases.get(lease);
    found?.expiry?.abort(new Error("the lease is kept"));
    if (found !== undefined) found.expiry = undefined;
  };
  return {
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
        () => ranOut(lease),
        () => undefined,
      );
    },
    keep,
    get all() {
      return [...leases.keys()];
    },
    end: (lease) => {
      keep(lease);
      leases.delete(lease);
    },
  };
}
