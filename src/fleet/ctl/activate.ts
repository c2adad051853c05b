import type { DesiredState } from "../model.ts";
import { isGlobal } from "../unit/requirements.ts";
import type { ApiUnit } from "../api/client.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { type Resolved, resolveUnits } from "./resolve.ts";
import { doesNotWait, waitForUnits, waitLimit } from "./wait.ts";

/** `fleetctl submit`: into the registry only. */
export async function submit(call: Call): Promise<number> {
  return (await resolved(call, "inactive")) === undefined ? 1 : 0;
}

/** `fleetctl load`: scheduled, not started. */
export async function load(call: Call): Promise<number> {
  return await activate(call, { state: "loaded", verb: "load", failure: "Error loading units" });
}

/** `fleetctl start`: scheduled, started, and seen to run. */
export async function start(call: Call): Promise<number> {
  return await activate(call, { state: "launched", verb: "start", failure: "Error starting units" });
}

interface Activation {
  readonly state: DesiredState;
  readonly verb: string;
  readonly failure: string;
}

/** The units; undefined when that failed and was said. */
async function resolved(call: Call, desired: DesiredState): Promise<readonly Resolved[] | undefined> {
  if (call.args.length === 0) {
    call.err("No units given");
    return [];
  }
  try {
    return await resolveUnits(call, desired);
  } catch (error) {
    complain(call, "Error creating units", error);
    return undefined;
  }
}

async function activate(call: Call, { state, verb, failure }: Activation): Promise<number> {
  const found = await resolved(call, state);
  if (found === undefined) return 1;
  try {
    await askFor(call, found, state);
    const units = found.map(({ unit }) => unit);
    const local = units.filter((unit) => !isGlobal(unit));
    for (const { name } of units.filter(isGlobal)) call.out(`Triggered global unit ${name} ${verb}`);
    if (doesNotWait(call)) {
      for (const { name } of local.filter(notYet(state))) call.out(`Triggered unit ${name} ${verb}`);
      return 0;
    }
    const quiet = new Set(local.filter((unit) => !notYet(state)(unit)).map(({ name }) => name));
    const lost = await waitForUnits(call, {
      names: local.map(({ name }) => name),
      state,
      systemd: state === "launched" ? "active" : "any",
      within: waitLimit(call),
      quiet,
    });
    return lost.length > 0 ? 1 : 0;
  } catch (error) {
    complain(call, failure, error);
    return 1;
  }
}

function notYet(state: DesiredState): (unit: ApiUnit) => boolean {
  return (unit) => unit.desiredState !== state || unit.currentState !== state;
}

/** Asks for the state where it is not asked for yet. */
async function askFor(call: Call, units: readonly Resolved[], state: DesiredState): Promise<void> {
  const fleet = await call.fleet();
  const open = units.filter(({ unit, asked }) => !asked && unit.desiredState !== state);
  await inBatches(open, async ({ unit }) => await fleet.setDesired(unit.name, state));
}
