import type { DesiredState } from "../model.ts";
import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import type { ApiUnit } from "../api/client.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { knownUnits } from "./known-units.ts";
import { doesNotWait, waitForUnits, waitLimit } from "./wait.ts";

interface Deactivation {
  readonly state: DesiredState;
  readonly verb: string;
  readonly past: string;
  /** Why a unit cannot be brought to the state. */
  readonly refuse: (unit: ApiUnit) => string | undefined;
}

/** `fleetctl stop`: not running, but still on its machine. */
export async function stop(call: Call): Promise<number> {
  return await deactivate(call, {
    state: "loaded",
    verb: "stop",
    past: "stopped",
    refuse: (unit) =>
      !isGlobal(unit) && unit.currentState === "inactive"
        ? `Unable to stop unit ${unit.name} in state inactive`
        : undefined,
  });
}

/** `fleetctl unload`: on no machine. Works for a unit that still waits for a machine, too. */
export async function unload(call: Call): Promise<number> {
  return await deactivate(call, {
    state: "inactive",
    verb: "unload",
    past: "unloaded",
    refuse: () => undefined,
  });
}

/** The units of the arguments that exist; says what fleetctl said when there are none. */
export async function existingUnits(call: Call): Promise<readonly ApiUnit[]> {
  if (call.args.length === 0) {
    call.err("No units given");
    return [];
  }
  const fleet = await call.fleet();
  const names = [...new Set(call.args.map(mangleUnitName))];
  const known = await knownUnits(fleet, names.length);
  const found = await inBatches(names, known);
  const units = found.filter((unit) => unit !== undefined);
  if (units.length === 0) call.err("Units not found in registry");
  return units;
}

async function deactivate(call: Call, { state, verb, past, refuse }: Deactivation): Promise<number> {
  const fleet = await call.fleet();
  const units = await existingUnits(call);
  const refusals = units.flatMap((unit) => refuse(unit) ?? []);
  for (const refusal of refusals) call.err(refusal);
  const open = units.filter((unit) => refuse(unit) === undefined && !isAlready(unit, state));
  const asked = await inBatches(open, async (unit) => {
    try {
      await fleet.setDesired(unit.name, state);
      return unit;
    } catch (error) {
      complain(call, `Failed to ${verb} units [${unit.name}]. err`, error);
      return undefined;
    }
  });
  const done = asked.filter((unit) => unit !== undefined);
  for (const { name } of done.filter(isGlobal)) call.out(`Triggered global unit ${name} ${verb}`);
  const names = done.filter((unit) => !isGlobal(unit)).map(({ name }) => name);
  const code = await waitAndSay(call, names, state, verb, past);
  return refusals.length > 0 || done.length < open.length ? 1 : code;
}

function isAlready(unit: ApiUnit, state: DesiredState): boolean {
  return unit.desiredState === state && (unit.currentState === state || isGlobal(unit));
}

async function waitAndSay(
  call: Call,
  names: readonly string[],
  state: DesiredState,
  verb: string,
  past: string,
): Promise<number> {
  if (doesNotWait(call)) {
    for (const name of names) call.out(`Triggered unit ${name} ${verb}`);
    return 0;
  }
  if (names.length === 0) return 0;
  const lost = await waitForUnits(call, {
    names,
    state,
    systemd: state === "inactive" ? "absent" : "any",
    within: waitLimit(call),
  });
  if (lost.length > 0) {
    call.err(`Failed to ${verb} units [${lost.join(" ")}].`);
    return 1;
  }
  call.err(`Successfully ${past} units [${names.join(" ")}].`);
  return 0;
}
