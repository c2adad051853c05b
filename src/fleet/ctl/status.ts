import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import type { Call } from "./command.ts";
import { inTurn } from "./each-machine.ts";
import { holdingText } from "./explain.ts";
import { runOnMachine } from "./machine-shell.ts";

/** `fleetctl status`: what systemctl says, asked where the unit is. */
export async function status(call: Call): Promise<number> {
  for (const [index, argument] of call.args.entries()) {
    if (index > 0) call.out("");
    const code = await statusOf(call, mangleUnitName(argument));
    if (code !== 0) return code;
  }
  return 0;
}

async function statusOf(call: Call, name: string): Promise<number> {
  const unit = await (await call.fleet()).unit(name);
  if (unit === undefined) {
    call.err(`Unit ${name} does not exist.`);
    return 1;
  }
  if (isGlobal(unit)) return await statusOfGlobal(call, name);
  if (unit.machineID === "" || unit.currentState === "inactive") {
    call.err(`Unit ${name} does not appear to be loaded.`);
    for (const { machineID, why } of unit.refusal?.reasons ?? []) call.err(`  ${machineID}: ${why}`);
    await sayHolding(call, name);
    return 1;
  }
  await sayHolding(call, name);
  return await runOnMachine(call, unit.machineID, ["systemctl", "status", "-l", name]);
}

/** Why a unit whose machine vanished is not moved yet. Servers of another kind have no explanations. */
async function sayHolding(call: Call, name: string): Promise<void> {
  const explanation = await (await call.fleet()).explain(name).catch(() => undefined);
  if (explanation?.holdingFor !== undefined) call.err(`  ${holdingText(explanation.holdingFor)}`);
}

async function statusOfGlobal(call: Call, name: string): Promise<number> {
  const states = await (await call.fleet()).states({ unitName: name });
  if (states.length === 0) {
    call.err(`Unit ${name} does not appear to be loaded.`);
    return 1;
  }
  const machineIDs = states.map(({ machineID }) => machineID);
  return await inTurn(call, { machineIDs, argv: ["systemctl", "status", "-l", name] });
}
