import { shellQuote } from "../../foundation/exec.ts";
import { mangleUnitName } from "../unit/name.ts";
import { isGlobal } from "../unit/requirements.ts";
import { isOn, numberOf, textOf } from "./command.ts";
import type { Call } from "./command.ts";
import { byId, machineLegend } from "./legend.ts";

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
    for (const line of found.more ?? []) call.err(line);
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

type Found = { readonly id: string } | { readonly problem: string; readonly more?: readonly string[] };

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
  if (isGlobal(unit)) {
    return { problem: "global units unsupported", more: await waysTo(call, unit.name) };
  }
  return unit.machineID === "" ? undefined : { id: unit.machineID };
}

/** A global unit is on several machines: which, and what to type for each. */
async function waysTo(call: Call, name: string): Promise<readonly string[]> {
  const fleet = await call.fleet();
  const [states, all] = await Promise.all([fleet.states({ unitName: name }), fleet.machines()]);
  if (states.length === 0) return [`${name} is on no machine.`];
  const machines = byId(all);
  const way = (id: string): string => `  ${machineLegend(id, machines)}: fleetctl ssh ${id.slice(0, 8)}`;
  return [`${name} is on these machines; name one of them:`, ...states.map((state) => way(state.machineID))];
}
