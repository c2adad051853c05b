import type { MachineStatus } from "../../provider/provider.ts";
import type { MachineState } from "./state.ts";

/** Where a machine is in its life. Half-made: what there is of it is of no use, and has to go first. */
export type Condition = "absent" | "half-made" | "stopped" | "running";

/** The state's mark and the provider's view of one machine, as one word. */
export function conditionOf(machine: MachineState, seen: MachineStatus | undefined): Condition {
  if (machine.created === "creating") return "half-made";
  if (seen === undefined) return "absent";
  // Its etcd has no part in the cluster any more: what is left of it is of no use.
  if (machine.etcdLeft === true) return "half-made";
  return machine.created === "no" ? "half-made" : seen.state;
}
