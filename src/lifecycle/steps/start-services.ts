import { waitFor } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { ApiRefusal, FleetClient } from "../../fleet/api/client.ts";
import type { KnownCluster, World } from "../cluster.ts";
import { fleetClientOver } from "../access/fleet-view.ts";
import { reachAny } from "../access/reach.ts";
import { patienceWith } from "../access/node-access.ts";
import type { Service } from "./services.ts";

export interface StartServicesRequest {
  readonly world: World;
  readonly cluster: KnownCluster;
  readonly services: readonly Service[];
  readonly say: (message: string) => void;
  readonly signal: AbortSignal;
}

/** How long a unit may take until it is active (it may have to pull an image), ms. */
const usual = 60_000;

/**
 * Submits unit files and starts them, as `fleetctl start FILE…` does; templates are only submitted. What has been
 * submitted is remembered, so that a unit that a user stops later stays stopped.
 * @throws E_UNIT_UNPLACEABLE when one can run nowhere (it stays wanted)
 */
export async function startServices(request: StartServicesRequest): Promise<void> {
  const { world, cluster, services, say, signal } = request;
  const { connection } = await reachAny(world, cluster);
  const client = fleetClientOver(connection, 10_000 * patienceWith(cluster.provider));
  try {
    // All are there before the first is wanted, so that those that belong together are placed together.
    for (const { unit, options } of services)
      await client.putUnit(unit, options, await presentDesire(client, unit));
    const started = services.filter(({ unit }) => !unit.includes("@."));
    for (const { unit } of started) await client.setDesired(unit, "launched");
    const hashes = Object.fromEntries(services.map(({ unit, hash }) => [unit, hash]));
    await cluster.file.update((state) => ({ ...state, services: { ...state.services, ...hashes } }));
    await Promise.all(
      started.map(async ({ unit }) => await untilActive(client, unit, { world, say, signal, cluster })),
    );
  } finally {
    void connection.end();
  }
}

/** A unit that is already wanted keeps running while its options are replaced. */
async function presentDesire(client: FleetClient, unit: string): Promise<"inactive" | "loaded" | "launched"> {
  return (await client.unit(unit))?.desiredState ?? "inactive";
}

type Outcome =
  | { readonly kind: "settled"; readonly message: string }
  | { readonly kind: "failed" }
  | { readonly kind: "refused"; readonly refusal: ApiRefusal };

async function untilActive(
  client: FleetClient,
  unit: string,
  tools: Pick<StartServicesRequest, "world" | "say" | "signal" | "cluster">,
): Promise<void> {
  const { world, say, signal, cluster } = tools;
  const nameOf = (id: string): string =>
    Object.entries(cluster.state.machines).find(([, { machineId }]) => machineId === id)?.[0] ?? id;
  const deadline = usual * patienceWith(cluster.provider);
  let refusals = 0;
  const look = async (): Promise<Outcome | undefined> => {
    const now = await client.unit(unit);
    // A refusal may be older than the units that were submitted with this one: it counts when it lasts.
    refusals = now?.refusal === undefined ? 0 : refusals + 1;
    if (now?.refusal !== undefined && refusals >= 5) return { kind: "refused", refusal: now.refusal };
    const states = await client.states({ unitName: unit });
    if (states.some(({ active }) => active === "failed")) return { kind: "failed" };
    const active = states.filter((state) => state.active === "active");
    if (active.length === 0) return undefined;
    return {
      kind: "settled",
      message: `${unit} runs on ${active.map(({ machineID }) => nameOf(machineID)).join(", ")}`,
    };
  };
  const outcome = await waitFor(look, { clock: world.clock, every: 100, within: deadline, signal });
  const hint = `see 'fleetctl status ${unit}' on a node`;
  if (outcome?.kind === "settled") return say(outcome.message);
  if (outcome?.kind === "refused") throw unplaceable(unit, outcome.refusal, nameOf);
  const what = outcome?.kind === "failed" ? "has failed" : `is not active after ${deadline / 1_000} s`;
  world.emit({ kind: "warning", message: `${unit} ${what}`, hint });
}

function unplaceable(unit: string, refusal: ApiRefusal, nameOf: (id: string) => string): AppError {
  return new AppError("E_UNIT_UNPLACEABLE", `${unit} can run on no machine: ${refusal.summary}`, {
    details: refusal.reasons.map(({ machineID, why }) => `${nameOf(machineID)}: ${why}`),
    hint: "it stays wanted and starts when there is room; 'fleetctl destroy' takes it back",
  });
}
