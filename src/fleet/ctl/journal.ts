import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import { isOn, numberOf, textOf } from "./command.ts";
import type { Call } from "./command.ts";
import { inTurn, together } from "./each-machine.ts";
import { type Argv, runOnMachine } from "./machine-shell.ts";

/** `fleetctl journal`. */
export async function journal(call: Call): Promise<number> {
  const [argument] = call.args;
  if (argument === undefined || call.args.length > 1) {
    call.err("One unit file must be provided.");
    return 1;
  }
  const name = mangleUnitName(argument);
  const unit = await (await call.fleet()).unit(name);
  if (unit === undefined) {
    call.err(`Unit ${name} does not exist.`);
    return 1;
  }
  if (isGlobal(unit)) return await journalOfGlobal(call, name);
  if (unit.machineID === "" || unit.currentState === "inactive") return isNotRunning(call, name);
  return await runOnMachine(call, unit.machineID, journalctl(call, name));
}

/** Of all machines that the unit is on; formats for programs name the machine in each entry. */
async function journalOfGlobal(call: Call, name: string): Promise<number> {
  const states = await (await call.fleet()).states({ unitName: name });
  if (states.length === 0) return isNotRunning(call, name);
  const round = { machineIDs: states.map(({ machineID }) => machineID), argv: journalctl(call, name) };
  const plain = /^(json|export)/.test(textOf(call.options, "output", ""));
  return await (isOn(call.options, "follow") ? together : inTurn)(call, round, plain);
}

function isNotRunning(call: Call, name: string): number {
  call.err(`Unit ${name} does not appear to be running.`);
  return 1;
}

function journalctl({ options }: Call, name: string): Argv {
  const program = ["journalctl", "--unit", name, "--no-pager"] as const;
  const lines = ["-n", String(numberOf(options, "lines", 10))];
  const format = ["--output", textOf(options, "output", "short")];
  const rest = [...lines, ...format, ...(isOn(options, "follow") ? ["-f"] : [])];
  return isOn(options, "sudo") ? ["sudo", ...program, ...rest] : [...program, ...rest];
}
