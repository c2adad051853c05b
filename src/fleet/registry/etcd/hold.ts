import type { Hold, HoldRequest } from "../registry.ts";
import type { EtcdContext } from "./context.ts";
import { keepLease, leaseOf, revokeLease } from "./lease.ts";
import type { Members } from "./members.ts";
import { type Pulse, startPulse } from "./pulse.ts";

/** Holds as the port describes it. */
export async function holdInEtcd(
  { members, clock, log, closed }: EtcdContext,
  { leaseId, ttl }: HoldRequest,
  signal: AbortSignal,
): Promise<Hold | undefined> {
  const lease = leaseOf(leaseId);
  if (lease === undefined || !(await keepLease(members, lease, { signal }))) return undefined;
  return holdOf(startPulse({ members, clock, log, closed, lease, ttl }), { members, lease });
}

/** The part of a session that does not depend on what the registry looks like. */
export function holdOf(
  pulse: Pulse,
  { members, lease }: { readonly members: Members; readonly lease: bigint },
): Hold {
  return {
    lost: pulse.lost,
    get unbrokenSince() {
      return pulse.unbrokenSince;
    },
    end: async (signal) => {
      if (pulse.lost.aborted) return;
      pulse.stop();
      try {
        await revokeLease(members, lease, { signal });
      } finally {
        pulse.end();
      }
    },
  };
}
