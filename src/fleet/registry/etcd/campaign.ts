import { randomUUID } from "node:crypto";
import { isAppError } from "../../../foundation/errors.ts";
import { type Grace, graceAfter } from "../../../foundation/grace.ts";
import type { Term } from "../registry.ts";
import type { EtcdContext } from "./context.ts";
import { nextRemovalOf } from "./key-watch.ts";
import type { Record, TransactionResult } from "./kv.ts";
import { absent, modifiedAt, put, read, remove, transact } from "./kv.ts";
import { openTerm } from "./term.ts";

export interface Candidate {
  readonly machineID: string;
  /** The engine's version. */
  readonly engine: number;
  readonly lease: bigint;
  readonly lost: AbortSignal;
  /** Makes our own error of one of etcd's, and notices a lost lease. */
  readonly explain: (error: unknown) => unknown;
}

const retryAfter = 200;
/** How long who is told to stop still tries to learn whether it leads, and to resign if so, ms. */
const doubtWithin = 1_500;

/**
 * Waits until this machine leads; goes on through trouble with etcd. Once the signal aborts it ends in a moment, even if
 * it could not learn whether it leads: then the next campaign under this lease, or the lease's end, clears that up.
 */
export async function campaignInEtcd(
  context: EtcdContext,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<Term> {
  const grace = graceAfter(signal, doubtWithin, context.clock);
  try {
    return await stand(context, candidate, { signal, grace });
  } finally {
    grace.end();
  }
}

interface Limits {
  readonly signal: AbortSignal;
  readonly grace: Grace;
}

async function stand(context: EtcdContext, candidate: Candidate, limits: Limits): Promise<Term> {
  const { layout, clock } = context;
  const { machineID, engine, lost } = candidate;
  const { signal, grace } = limits;
  const stop = AbortSignal.any([signal, lost, context.closed]);
  // Its own name in the record tells the request that came first from its own echo.
  const value = JSON.stringify({ machineID, engine, campaign: randomUUID() });
  for (;;) {
    stop.throwIfAborted();
    const result = await attempt(context, candidate, value, limits);
    if (result === undefined) {
      await clock.sleep(retryAfter, stop);
      continue;
    }
    const [found] = result.found;
    const created = result.held ? result.revision : found?.value === value ? found.created : undefined;
    if (created !== undefined) {
      const modified = result.held ? result.revision : (found?.modified ?? created);
      const term = openTerm(context, { ...candidate, created, modified });
      if (!signal.aborted) return term;
      await term.resign(grace.signal);
    } else if (found !== undefined && found.lease === candidate.lease) {
      await endEarlierTerm(context, found, stop);
    } else {
      await nextRemovalOf(context, { key: layout.leader, revision: result.revision }, stop);
    }
  }
}

/** Undefined when etcd is in trouble. Not cut off when nobody wants it any more, so that we know if we lead. */
async function attempt(
  { members, layout }: EtcdContext,
  { lease, lost, explain }: Candidate,
  value: string,
  { signal, grace }: Limits,
): Promise<TransactionResult | undefined> {
  const key = layout.leader;
  try {
    return await transact(
      members,
      { when: [absent(key)], then: [put(key, value, lease)], otherwise: [read(key)] },
      { signal: AbortSignal.any([lost, grace.signal]) },
    );
  } catch (error) {
    const ours = explain(error);
    lost.throwIfAborted();
    if (grace.signal.aborted) signal.throwIfAborted();
    if (isAppError(ours, "E_ETCD")) return undefined;
    throw ours;
  }
}

/** Ends the term of whoever leads under this lease. */
export async function endTermUnder(context: EtcdContext, lease: bigint, signal?: AbortSignal): Promise<void> {
  const { members, layout } = context;
  for (;;) {
    const { found } = await transact(members, { when: [], then: [read(layout.leader)] }, { signal });
    const [leader] = found;
    if (leader === undefined || leader.lease !== lease) return;
    await endEarlierTerm(context, leader, signal);
  }
}

/** An earlier fleetd of this machine led under the lease that was resumed: its term ends here. */
async function endEarlierTerm(
  { members, layout }: EtcdContext,
  found: Record,
  signal: AbortSignal | undefined,
): Promise<void> {
  const key = layout.leader;
  await transact(members, { when: [modifiedAt(key, found.modified)], then: [remove(key)] }, { signal });
}
