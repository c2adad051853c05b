import type { ApiUnit, FleetClient } from "../api/client.ts";

/** Above this many units one listing is cheaper than a question for each. */
export const manyUnits = 8;

/** How to find a unit of the registry by name, when about `count` of them will be asked for. */
export async function knownUnits(
  fleet: FleetClient,
  count: number,
): Promise<(name: string) => Promise<ApiUnit | undefined>> {
  if (count <= manyUnits) return async (name) => await fleet.unit(name);
  const units = new Map((await fleet.units()).map((unit) => [unit.name, unit]));
  return async (name) => units.get(name);
}
