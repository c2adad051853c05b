import { isAppError } from "../../foundation/errors.ts";
import type { ApiExplanation } from "../api/client.ts";
import type { Call } from "./command.ts";
import { byId, machineLegend } from "./legend.ts";

/** How many machines are named before the rest is only counted. */
const named = 10;

/**
 * Says on standard error which machines global units do not fit, and why; nothing of those that fit everywhere, which is
 * the usual case. Gives the names of those that fit no machine. A server of another kind cannot tell.
 */
export async function sayReach(call: Call, names: readonly string[]): Promise<readonly string[]> {
  const fleet = await call.fleet();
  const nowhere: string[] = [];
  for (const name of names) {
    const explanation = await fleet.explain(name).catch((error: unknown) => {
      if (!isAppError(error)) throw error;
      return undefined;
    });
    const misfits = explanation?.machines.filter(({ verdict }) => verdict === "unable") ?? [];
    if (explanation === undefined || misfits.length === 0) continue;
    const machines = byId(await fleet.machines());
    const legend = (id: string): string => machineLegend(id, machines);
    if (misfits.length === explanation.machines.length) nowhere.push(name);
    for (const line of describe(explanation, misfits, legend)) call.err(line);
  }
  return nowhere;
}

type Machines = ApiExplanation["machines"];

function describe(
  { unit, machines }: ApiExplanation,
  misfits: Machines,
  legend: (id: string) => string,
): string[] {
  const fits = machines.filter((machine) => !misfits.includes(machine));
  const where = shortened(fits.map(({ machineID }) => legend(machineID))).join(", ");
  const why = misfits.map(
    ({ machineID, obstacles }) => `  not on ${legend(machineID)}: ${obstacles[0]?.why ?? ""}`,
  );
  if (fits.length > 0) return [`Unit ${unit} goes to ${where}`, ...shortened(why, "  ")];
  const stays = "It stays wanted, and starts as soon as a machine can run it.";
  return [`Unit ${unit} can run on no machine:`, ...shortened(why, "  "), stays];
}

function shortened(all: readonly string[], indent = ""): string[] {
  const rest = all.length - named;
  return rest > 0 ? [...all.slice(0, named), `${indent}and ${rest} more`] : [...all];
}
