import { randomBytes } from "node:crypto";
import { Code } from "@connectrpc/connect";
import type { CallOptions } from "@connectrpc/connect";
import { AppError } from "../../../foundation/errors.ts";
import { isAnswer, isLeaseGone } from "./answers.ts";
import type { CallSettings, Member, Members } from "./members.ts";

/** The lease of this id; undefined when the text is none. */
export function leaseOf(id: string): bigint | undefined {
  return /^[0-9a-f]{1,16}$/.test(id) ? BigInt(`0x${id}`) : undefined;
}

/** Grants a lease. @param ttl ms */
export async function grantLease(members: Members, ttl: number, settings: CallSettings): Promise<bigint> {
  // An id of our own makes the request safe to be carried out twice.
  const id = randomBytes(8).readBigInt64BE() & 0x7fff_ffff_ffff_ffffn;
  const request = { TTL: BigInt(Math.ceil(ttl / 1_000)), ID: id };
  try {
    await members.call(
      "lease grant",
      (member, options) => member.lease.leaseGrant(request, options),
      settings,
    );
  } catch (error) {
    if (!isAnswer(error, Code.FailedPrecondition)) throw error;
  }
  return id;
}

/** Keeps the lease once. False when there is no such lease any more. */
export async function keepLease(members: Members, id: bigint, settings: CallSettings): Promise<boolean> {
  const left = await members.call(
    "lease keep-alive",
    (member, options) => beat(member, id, options),
    settings,
  );
  return left > 0n;
}

/** One short stream a beat: a stream that is kept open would be stuck to a member that has frozen. */
async function beat(member: Member, id: bigint, options: CallOptions): Promise<bigint> {
  const requests = async function* (): AsyncGenerator<{ ID: bigint }> {
    yield { ID: id };
  };
  for await (const response of member.lease.leaseKeepAlive(requests(), options)) return response.TTL;
  throw new AppError("E_ETCD", `${member.url} gave no answer to a keep-alive`);
}

/** Ends the lease, and all that lives under it. */
export async function revokeLease(members: Members, id: bigint, settings: CallSettings): Promise<void> {
  try {
    await members.call(
      "lease revoke",
      (member, options) => member.lease.leaseRevoke({ ID: id }, options),
      settings,
    );
  } catch (error) {
    if (!isLeaseGone(error)) throw error;
  }
}

/** How long the lease still lives, ms, if nobody keeps it; undefined when it is gone. */
export async function leaseLeft(
  members: Members,
  id: bigint,
  settings: CallSettings,
): Promise<number | undefined> {
  const ask = (member: Member, options: CallOptions) => member.lease.leaseTimeToLive({ ID: id }, options);
  const { TTL } = await members.call("lease time to live", ask, settings);
  return TTL < 0n ? undefined : Number(TTL) * 1_000;
}
