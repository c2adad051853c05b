import { isGlobal } from "../unit/requirements.ts";
import type { ApiUnit } from "../api/client.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { runOnMachine } from "./machine-shell.ts";
import { type Resolved, resolveUnits } from "./resolve.ts";
import { waitForUnits, waitLimit } from "./wait.ts";

/** `fleetctl restart`: each unit is seen stopped before it is started again, on the same machine. */
export async function restart(call: Call): Promise<number> {
  if (call.args.length === 0) {
    call.err("No units given");
    return 0;
  }
  let units: readonly Resolved[];
  try {
    units = await resolveUnits(call);
  } catch (error) {
    complain(call, "Error creating units", error);
    return 1;
  }
  for (const { unit } of units) {
    const code = isGlobal(unit) ? await restartGlobal(call, unit) : await restartOne(call, unit);
    if (code !== 0) return code;
  }
  return 0;
}

async function restartOne(call: Call, { name, currentState }: ApiUnit): Promise<number> {
  if (currentState === "inactive") {
    call.err(`Unable to restart unit ${name} in state inactive`);
    return 0;
  }
  const steps = currentState === "launched" ? (["loaded", "launched"] as const) : (["launched"] as const);
  const fleet = await call.fleet();
  for (const state of steps) {
    await fleet.setDesired(name, state);
    const systemd = state === "launched" ? "active" : "any";
    const lost = await waitForUnits(call, { names: [name], state, systemd, within: waitLimit(call) });
    if (lost.length > 0) return 1;
  }
  call.err(`Unit(${name}) was restarted.`);
  return 0;
}

/** One that is stopped is started by its target state, as any other unit; the machines' systemd restarts one that runs. */
async function restartGlobal(call: Call, { name, desiredState }: ApiUnit): Promise<number> {
  const fleet = await call.fleet();
  if (desiredState === "loaded") {
    await fleet.setDesired(name, "launched");
    call.out(`Triggered global unit ${name} start`);
    return 0;
  }
  const states = desiredState === "launched" ? await fleet.states({ unitName: name }) : [];
  if (states.length === 0) {
    const nowhere = desiredState === "launched" ? ": it is on no machine" : "";
    call.err(`Unable to restart unit ${name} in state ${desiredState}${nowhere}`);
    return 1;
  }
  for (const { machineID } of states) {
    const code = await runOnMachine(call, machineID, ["sudo", "systemctl", "restart", name]);
    if (code !== 0) return code;
  }
  call.err(`Unit(${name}) was restarted.`);
  return 0;
}
