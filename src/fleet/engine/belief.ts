import type { Machine } from "../model.ts";

/** What the engine remembers from one look at the machines to the next. Times are monotonic, ms. */
export interface Belief {
  /** Machines that were registered and meant to stay. */
  readonly present: ReadonlySet<string>;
  /** Machines that went without a word, and when that was seen. */
  readonly vanished: ReadonlyMap<string, number>;
  /** Until then nobody is believed gone, because too many vanished at once. */
  readonly holdingUntil: number | undefined;
}

/** One look. */
export interface Sight {
  readonly now: number;
  readonly machines: ReadonlyMap<string, Machine>;
  /** Machines that something in the registry names: a placement, a published state. */
  readonly named: ReadonlySet<string>;
  /** Since when the engine's own lease has been kept without a gap. */
  readonly unbrokenSince: number;
}

export interface Patience {
  /** A lease's time to live, ms. */
  readonly ttl: number;
  /** How long to hold when more than half of the machines vanish at once, ms. */
  readonly outageGrace: number;
  /** How long a machine that lives has to come back after etcd took its lease by mistake, ms. */
  readonly returnGrace: number;
}

export interface Conclusion {
  readonly belief: Belief;
  /** Machines that are believed gone. */
  readonly gone: ReadonlySet<string>;
  /** When the answer may change although nobody moves. */
  readonly lookAgainAt: number | undefined;
}

/** Before the first look. */
export const blankBelief: Belief = { present: new Set(), vanished: new Map(), holdingUntil: undefined };

/**
 * Decides which machines are gone. That a machine's lease expired proves little when etcd itself was in trouble: then
 * everybody's did. So the engine must have kept its own lease for one time to live first; and when more than half of
 * the machines vanish within one time to live it holds for a while, since the likelier cause is a common one. And a
 * member of etcd that led, stood still and goes on again may have leases revoked that others have kept meanwhile (etcd
 * before 3.4.28 and 3.5.10): a machine that lives is back in a moment, so that moment is waited for.
 */
export function observe(before: Belief, sight: Sight, patience: Patience): Conclusion {
  const { now, machines, named, unbrokenSince } = sight;
  const vanished = vanishedBy(before, sight, patience);
  const holdingUntil = holding(before, { vanished, sight, patience });
  const staying = [...machines.values()].filter(({ leaving }) => !leaving).map(({ id }) => id);
  const over = before.holdingUntil !== undefined && holdingUntil === undefined;
  const belief = {
    present: new Set(staying),
    vanished: over ? new Map<string, number>() : vanished,
    holdingUntil,
  };
  const missing = new Set([...named].filter((id) => !machines.has(id)));
  const trustworthyAt = Math.max(unbrokenSince + patience.ttl, holdingUntil ?? 0);
  if (missing.size === 0) return { belief, gone: missing, lookAgainAt: holdingUntil };
  if (now < trustworthyAt) return { belief, gone: new Set(), lookAgainAt: trustworthyAt };
  const awaited = awaitedOf(missing, vanished, { now, ...patience });
  const gone = new Set([...missing].filter((id) => !awaited.has(id)));
  return { belief, gone, lookAgainAt: awaited.size === 0 ? undefined : Math.min(...awaited.values()) };
}

/** Which of the missing may yet come back, and until when they are waited for: those that were just seen to vanish. */
function awaitedOf(
  missing: ReadonlySet<string>,
  vanished: Belief["vanished"],
  { now, returnGrace }: Pick<Sight, "now"> & Pick<Patience, "returnGrace">,
): ReadonlyMap<string, number> {
  const all = [...vanished].map(([id, at]): [string, number] => [id, at + returnGrace]);
  return new Map(all.filter(([id, until]) => missing.has(id) && until > now));
}

/** Those that went within the last time to live, or since the hold began, and have not come back. */
function vanishedBy(
  before: Belief,
  { now, machines }: Sight,
  { ttl }: Patience,
): ReadonlyMap<string, number> {
  const vanished = new Map<string, number>();
  for (const [id, at] of before.vanished) {
    if (!machines.has(id) && (before.holdingUntil !== undefined || now - at < ttl)) vanished.set(id, at);
  }
  for (const id of before.present) if (!machines.has(id)) vanished.set(id, now);
  return vanished;
}

function holding(
  before: Belief,
  { vanished, sight, patience }: { vanished: ReadonlyMap<string, number>; sight: Sight; patience: Patience },
): number | undefined {
  if (vanished.size === 0) return undefined;
  if (before.holdingUntil !== undefined)
    return sight.now < before.holdingUntil ? before.holdingUntil : undefined;
  const live = sight.machines.size + vanished.size;
  return vanished.size * 2 > live ? sight.now + patience.outageGrace : undefined;
}
