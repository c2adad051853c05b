import { AppError } from "../../../foundation/errors.ts";
import type { Machine } from "../../model.ts";
import type { Session } from "../registry.ts";
import { isLeaseGone } from "./answers.ts";
import { createBatches } from "./batches.ts";
import { campaignInEtcd, endTermUnder } from "./campaign.ts";
import { encode } from "./codec.ts";
import type { EtcdContext } from "./context.ts";
import { holdOf } from "./hold.ts";
import { startPulse } from "./pulse.ts";

export interface SessionOptions {
  readonly machine: Machine;
  readonly lease: bigint;
  /** ms */
  readonly ttl: number;
}

/** The session of a lease that was granted or kept just now, and under which the machine's record is. */
export function openSession(context: EtcdContext, { machine, lease, ttl }: SessionOptions): Session {
  const { id: machineID, engine } = machine;
  const { members, layout, clock, log, closed } = context;
  const pulse = startPulse({ members, clock, log, closed, lease, ttl });
  const explain = (error: unknown): unknown => {
    if (!isLeaseGone(error)) return error;
    pulse.end();
    return new AppError("E_ETCD", `the lease ${lease.toString(16)} has ended`, { cause: error });
  };
  const hold = holdOf(pulse, { members, lease });
  const batches = createBatches({
    members,
    lease,
    markKey: layout.writes(machineID),
    settings: () => ({ signal: pulse.lost }),
    failed: explain,
  });

  return {
    machineID,
    leaseId: lease.toString(16),
    lost: pulse.lost,
    get unbrokenSince() {
      return pulse.unbrokenSince;
    },
    doubt: () => pulse.doubt(),
    updateMachine: (changed, signal) =>
      batches.write({ key: layout.machine(machineID), value: encode(changed) }, signal),
    putState: (state, signal) =>
      batches.write({ key: layout.state(machineID, state.unit), value: encode(state) }, signal),
    deleteState: (unit, signal) =>
      batches.write({ key: layout.state(machineID, unit), value: undefined }, signal),
    campaign: (signal) =>
      campaignInEtcd(context, { machineID, engine, lease, lost: pulse.lost, explain }, signal),
    withdraw: (signal) => endTermUnder(context, lease, signal),
    end: hold.end,
  };
}
