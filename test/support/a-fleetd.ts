import { createLife, type Life, type LifeOptions } from "../../src/bin/fleetd-life.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createEngine } from "../../src/fleet/engine/engine.ts";

/** What tests choose of a fleetd. */
type Chosen = Pick<LifeOptions, "machine" | "registry" | "systemd" | "runEngine" | "ttl" | "clock">;

/** A fleetd that finds nothing of an earlier one, and logs nothing. */
export function aFleetd(chosen: Chosen): Life {
  return createLife({
    ...chosen,
    leaseId: undefined,
    keepLease: async () => undefined,
    onReady: () => undefined,
    log: silentLog(),
  });
}

/** An engine as fleetd has one. */
export function anEngine({
  clock,
  ttl,
}: Pick<LifeOptions, "clock" | "ttl">): NonNullable<LifeOptions["runEngine"]> {
  const engine = createEngine({ clock, log: silentLog(), ttl });
  return (session, mirror, signal) => engine.run(session, mirror, signal);
}
