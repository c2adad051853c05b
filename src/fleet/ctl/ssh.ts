import { shellQuote } from "../../foundation/exec.ts";
import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import { isOn, numberOf, textOf } from "./command.ts";
import type { Call } from "./command.ts";

/** `fleetctl ssh`: a shell on a machine that is named by its id or by a unit that is on it. */
export async function ssh(call: Call): Promise<number> {
  const machine = textOf(call.options, "machine", "");
  const unit = textOf(call.options, "unit", "");
  if (machine !== "" && unit !== "") {
    call.err("Both machine and unit flags provided, please specify only one.");
    return 1;
  }
  const named = machine !== "" || unit !== "";
  const words = named ? call.args : call.args.slice(1);
  const found = await findMachine(call, machine, unit, named ? undefined : call.args[0]);
  if ("problem" in found) {
    call.err(`Unable to proceed: ${found.problem}`);
    return 1;
  }
  const host = (await (await call.fleet()).machines()).find(({ id }) => id === found.id)?.primaryIP ?? "";
  if (host === "") {
    call.err("Could not determine address of machine.");
    return 1;
  }
  const target = {
    host,
    port: numberOf(call.options, "ssh-port", 22),
    forwardAgent: isOn(call.options, "forward-agent"),
  };
  return await (await call.remote()).run(target, commandLine(words));
}

/** One word is a line for the remote shell; several are a program and its arguments. */
function commandLine(words: readonly string[]): string | undefined {
  if (words.length <= 1) return words[0];
  return words.map(shellQuote).join(" ");
}

type Found = { readonly id: string } | { readonly problem: string };

async function findMachine(
  call: Call,
  machine: string,
  unit: string,
  word: string | undefined,
): Promise<Found> {
  if (machine !== "") return (await byMachine(call, machine)) ?? { problem: "machine does not exist" };
  if (unit !== "") return (await byUnit(call, unit)) ?? { problem: "unit does not exist" };
  if (word === undefined) return { problem: "one machine or unit must be provided" };
  const [asMachine, asUnit] = await Promise.all([byMachine(call, word), byUnit(call, word)]);
  if (asMachine !== undefined && asUnit !== undefined) {
    return { problem: `ambiguous argument, both machine and unit found for \`${word}\`` };
  }
  return asMachine ?? asUnit ?? { problem: "could not find matching unit or machine" };
}

async function byMachine(call: Call, beginning: string): Promise<Found | undefined> {
  const machines = (await (await call.fleet()).machines()).filter(({ id }) => id.startsWith(beginning));
  if (machines.length > 1) return { problem: "found more than one machine" };
  return machines[0];
}

async function byUnit(call: Call, word: string): Promise<Found | undefined> {
  const unit = await (await call.fleet()).unit(mangleUnitName(word));
  if (unit === undefined) return undefined;
  if (isGlobal(unit)) return { problem: "global units unsupported" };
  return unit.machineID === "" ? undefined : { id: unit.machineID };
}
