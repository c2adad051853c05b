import { waitFor } from "../../foundation/clock.ts";
import type { KnownCluster, World } from "../cluster.ts";
import { fleetOver, type FleetView } from "../access/fleet-view.ts";
import { patienceWith } from "../access/node-access.ts";
import { reachAny } from "../access/reach.ts";

export interface HandOverRequest {
  readonly world: World;
  readonly cluster: KnownCluster;
  /** The machine that was shut down. */
  readonly left: string;
  readonly say: (message: string) => void;
  readonly signal: AbortSignal;
}

const usualDeadline = 30_000;
/** How long fleet may be silent: without etcd's quorum it can place nothing, and waiting is in vain. ms */
const usualSilence = 5_000;

/**
 * Waits until nothing is on the machine that left any more, and every unit that fleet has placed runs (or has failed)
 * where it is now. A unit that fits nowhere else does not hold the reload up: it stays refused until there is room.
 */
export async function waitForHandOver(request: HandOverRequest): Promise<void> {
  const { world, cluster, left, say, signal } = request;
  const patience = patienceWith(cluster.provider);
  const [deadline, silence] = [usualDeadline * patience, usualSilence * patience];
  const leftId = cluster.state.machines[left]?.machineId ?? "";
  const { connection } = await reachAny(world, cluster, [left]);
  let pending: readonly string[] = [];
  try {
    let heard = world.clock.monotonic();
    const look = async (): Promise<"settled" | "silent" | undefined> => {
      try {
        pending = unsettled(await fleetOver(connection, patience), leftId);
        heard = world.clock.monotonic();
        return pending.length === 0 ? "settled" : undefined;
      } catch {
        signal.throwIfAborted();
        return world.clock.monotonic() - heard > silence ? "silent" : undefined;
      }
    };
    const found = await waitFor(look, { clock: world.clock, every: 100, within: deadline, signal });
    if (found === "settled") return say("its units run elsewhere");
    const message =
      found === "silent"
        ? `no fleet answers while ${left} is off, so its units wait for it`
        : `not running elsewhere after ${deadline / 1_000} s: ${pending.join(", ")}`;
    world.emit({ kind: "warning", message, hint: "see 'cluster status'" });
  } finally {
    void connection.end();
  }
}

/** Units that are still on the machine that left, or on their way. */
function unsettled(view: FleetView, leftId: string): readonly string[] {
  const moving = view.units.filter(({ name, desired, machineId }) => {
    const states = view.states.filter(({ unit }) => unit === name);
    if (machineId === leftId || states.some((state) => state.machineId === leftId)) return true;
    if (desired !== "launched" || machineId === undefined) return false;
    const here = states.find((state) => state.machineId === machineId);
    return here === undefined || !["active", "failed"].includes(here.active);
  });
  return moving.map(({ name }) => name);
}
