import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import { isOn, numberOf, textOf } from "./command.ts";
import type { Call } from "./command.ts";
import { runOnMachine } from "./machine-shell.ts";

/** `fleetctl journal`. */
export async function journal(call: Call): Promise<number> {
  const [argument] = call.args;
  if (argument === undefined || call.args.length > 1) {
    call.err("One unit file must be provided.");
    return 1;
  }
  const name = mangleUnitName(argument);
  const unit = await (await call.fleet()).unit(name);
  const problem =
    unit === undefined
      ? `Unit ${name} does not exist.`
      : isGlobal(unit)
        ? `Unable to retrieve journal of global unit ${name}.`
        : unit.machineID === "" || unit.currentState === "inactive"
          ? `Unit ${name} does not appear to be running.`
          : undefined;
  if (problem !== undefined || unit === undefined) {
    call.err(problem ?? "");
    return 1;
  }
  const program = ["journalctl", "--unit", name, "--no-pager"];
  const lines = ["-n", String(numberOf(call.options, "lines", 10))];
  const format = ["--output", textOf(call.options, "output", "short")];
  const follow = isOn(call.options, "follow") ? ["-f"] : [];
  const [first = "journalctl", ...rest] = [
    ...(isOn(call.options, "sudo") ? ["sudo"] : []),
    ...program,
    ...lines,
    ...format,
    ...follow,
  ];
  return await runOnMachine(call, unit.machineID, [first, ...rest]);
}
