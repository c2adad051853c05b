import { AppError } from "../../../foundation/errors.ts";
import type { Machine } from "../../model.ts";
import type { JoinRequest, JoinResult } from "../registry.ts";
import { isLeaseGone } from "./answers.ts";
import { endTermUnder } from "./campaign.ts";
import { decodeMachine, encode } from "./codec.ts";
import type { EtcdContext } from "./context.ts";
import { nextRemovalOf } from "./key-watch.ts";
import type { Record } from "./kv.ts";
import { modifiedAt, put, read, transact } from "./kv.ts";
import { grantLease, keepLease, leaseLeft, leaseOf, revokeLease } from "./lease.ts";
import { openSession } from "./session.ts";

/** etcd tells what is left of a lease in whole seconds, and looks for ended ones each half second. */
const expiryMargin = 1_600;
/** A new etcd leader gives every lease its full time once more, so one refusal to die proves nothing. */
const rounds = 2;
const attempts = 10;

/** Joins as the port describes it. */
export async function joinEtcd(
  context: EtcdContext,
  request: JoinRequest,
  signal: AbortSignal,
): Promise<JoinResult> {
  const other = await otherBoot(context, request.machine, signal);
  if (other !== undefined) return { kind: "duplicate", machine: other };
  const { lease, resumed } = await leaseFor(context, request, signal);
  if (await register(context, { ...request, lease }, signal)) {
    // Whether or not there is an engine now, nobody could lead as long as the record of an earlier one stays.
    if (resumed) await endTermUnder(context, lease, signal);
    const session = openSession(context, { machine: request.machine, lease, ttl: request.ttl });
    return { kind: "joined", session, resumed };
  }
  if (!resumed) await revokeLease(context.members, lease, { signal });
  return resumed
    ? joinEtcd(context, { machine: request.machine, ttl: request.ttl }, signal)
    : joinEtcd(context, request, signal);
}

async function leaseFor(
  { members }: EtcdContext,
  { resume, ttl }: JoinRequest,
  signal: AbortSignal,
): Promise<{ lease: bigint; resumed: boolean }> {
  const lease = resume && leaseOf(resume.leaseId);
  if (lease !== undefined && (await keepLease(members, lease, { signal }))) return { lease, resumed: true };
  return { lease: await grantLease(members, ttl, { signal }), resumed: false };
}

/** Waits for the record of another boot to run out; gives its machine when somebody keeps it alive. */
async function otherBoot(
  context: EtcdContext,
  machine: Machine,
  signal: AbortSignal,
): Promise<Machine | undefined> {
  const { members, log } = context;
  for (let round = 0; ; round++) {
    const found = await recordOf(context, machine.id, signal);
    const other = found && decodeMachine(found.value);
    // A record without a lease, or one that does not parse, is nobody's life.
    if (found === undefined || other === undefined || found.lease === 0n) return undefined;
    if (other.nonce === machine.nonce) return undefined;
    if (round === rounds) return other;
    const left = (await leaseLeft(members, found.lease, { signal })) ?? 0;
    log.info("waiting for this machine's earlier record to run out", {
      left: `${left} ms`,
      boot: other.bootId,
    });
    await removed(context, found, left + expiryMargin, signal);
  }
}

async function removed(
  context: EtcdContext,
  record: Record,
  within: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context;
  const late = new AbortController();
  const stop = AbortSignal.any([signal, late.signal]);
  const timer = clock.sleep(within, stop).then(
    () => late.abort(new Error("too late")),
    () => undefined,
  );
  try {
    for (let from = record.modified; ;) {
      await nextRemovalOf(context, { key: record.key, revision: from }, stop);
      const { found, revision } = await transact(
        context.members,
        { when: [], then: [read(record.key)] },
        { signal: stop },
      );
      if (found[0] === undefined) return;
      from = revision;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!late.signal.aborted) throw error;
  } finally {
    late.abort(new Error("done"));
    await timer;
  }
}

async function recordOf(
  { members, layout }: EtcdContext,
  id: string,
  signal: AbortSignal,
): Promise<Record | undefined> {
  const { found } = await transact(members, { when: [], then: [read(layout.machine(id))] }, { signal });
  return found[0];
}

/** Writes the machine's record. False when another boot's came first, or the lease ended. */
async function register(
  context: EtcdContext,
  { machine, lease }: { readonly machine: Machine; readonly lease: bigint },
  signal: AbortSignal,
): Promise<boolean> {
  const { members, layout } = context;
  const [key, value] = [layout.machine(machine.id), encode(machine)];
  let found = await recordOf(context, machine.id, signal);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const other = found && decodeMachine(found.value);
    if (other !== undefined && found?.lease !== 0n && other.nonce !== machine.nonce) return false;
    try {
      const result = await transact(
        members,
        {
          when: [modifiedAt(key, found?.modified ?? 0n)],
          then: [put(key, value, lease)],
          otherwise: [read(key)],
        },
        { signal },
      );
      if (result.held) return true;
      [found] = result.found;
    } catch (error) {
      if (isLeaseGone(error)) return false;
      throw error;
    }
    if (found?.value === value && found.lease === lease) return true;
  }
  throw new AppError("E_ETCD", `the record of machine ${machine.id} is written by others all the time`);
}
