import type { DesiredState } from "../model.ts";
import { isGlobal } from "../unit/requirements.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { newVersions, replaceUnits, rollUnits, toRoll } from "./replace.ts";
import { sayReach } from "./reach.ts";
import { type Resolved, resolveUnits } from "./resolve.ts";
import { doesNotWait, waitForUnits, waitLimit } from "./wait.ts";

/** `fleetctl submit`: into the registry only. */
export async function submit(call: Call): Promise<number> {
  const found = await resolved(call, "inactive");
  return found !== undefined && (await replaced(call, found, "inactive")) ? 0 : 1;
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

/** Whether the new versions are in the registry; if not, that was said. */
async function replaced(call: Call, units: readonly Resolved[], desired: DesiredState): Promise<boolean> {
  try {
    await replaceUnits(call, units, desired);
    return true;
  } catch (error) {
    complain(call, "Error creating units", error);
    return false;
  }
}

async function activate(call: Call, activation: Activation): Promise<number> {
  const { state, verb, failure } = activation;
  const found = await resolved(call, state);
  if (found === undefined) return 1;
  const rolled = state === "launched" && !doesNotWait(call) ? toRoll(found) : [];
  const others = found.filter((one) => !rolled.includes(one));
  if (!(await replaced(call, others, state))) return 1;
  try {
    await askFor(call, others, state);
    const global = others.flatMap(({ unit }) => (isGlobal(unit) ? [unit.name] : []));
    for (const name of global) call.out(`Triggered global unit ${name} ${verb}`);
    const local = others.filter(({ unit }) => !isGlobal(unit));
    if (doesNotWait(call)) {
      for (const { unit } of local.filter(isOpen(state))) call.out(`Triggered unit ${unit.name} ${verb}`);
      return 0;
    }
    const nowhere = await sayReach(call, global);
    const lost = [...(await rollUnits(call, rolled)), ...(await waitFor(call, local, activation))];
    return nowhere.length + lost.length > 0 ? 1 : 0;
  } catch (error) {
    complain(call, failure, error);
    return 1;
  }
}

async function waitFor(
  call: Call,
  units: readonly Resolved[],
  { state }: Activation,
): Promise<readonly string[]> {
  const isQuiet = (one: Resolved): boolean => !isOpen(state)(one);
  return await waitForUnits(call, {
    names: units.map(({ unit }) => unit.name),
    state,
    systemd: state === "launched" ? "active" : "loaded",
    within: waitLimit(call),
    quiet: new Set(units.filter(isQuiet).map(({ unit }) => unit.name)),
    versions: newVersions(units),
  });
}

function isOpen(state: DesiredState): (one: Resolved) => boolean {
  return ({ unit, replacement }) =>
    replacement !== undefined || unit.desiredState !== state || unit.currentState !== state;
}

/** Asks for the state where it is not asked for yet. */
async function askFor(call: Call, units: readonly Resolved[], state: DesiredState): Promise<void> {
  const fleet = await call.fleet();
  const open = units.filter(
    ({ unit, asked, replacement }) => !asked && replacement === undefined && unit.desiredState !== state,
  );
  await inBatches(open, async ({ unit }) => await fleet.setDesired(unit.name, state));
}
