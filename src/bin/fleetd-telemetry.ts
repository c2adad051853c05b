import type { Clock } from "../foundation/clock.ts";
import type { Telemetry } from "../fleet/api/metrics.ts";
import type { Engine } from "../fleet/engine/engine.ts";
import type { Life } from "./fleetd-life.ts";

/** Gathers what /metrics tells of this process. */
export function readTelemetry(engine: Engine, life: Life, clock: Clock): Telemetry {
  const { leading, counts, waiting, holdingUntil } = engine.status;
  const { unbrokenSince, ...sessions } = life.sessions;
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    engine: {
      leading,
      terms: counts.terms,
      reconciles: counts.turns,
      decisions: counts.decisions,
      failures: counts.failures,
      waiting: waiting.length,
      holding: holdingUntil !== undefined,
    },
    session: {
      ...sessions,
      unbroken: unbrokenSince === undefined ? undefined : (clock.monotonic() - unbrokenSince) / 1_000,
    },
    process: { cpu: (user + system) / 1e6, resident: rss, heap: heapUsed, external },
  };
}
