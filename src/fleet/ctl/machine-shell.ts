import type { Writable } from "node:stream";
import { shellQuote } from "../../foundation/exec.ts";
import { numberOf } from "./command.ts";
import type { Call } from "./command.ts";

export type Argv = readonly [string, ...string[]];

/**
 * Runs a program on a machine: here when the machine is this one, else by ssh. Gives its exit code.
 * @param output takes what the program prints in place of our standard output; its standard input is then empty
 */
export async function runOnMachine(
  call: Call,
  machineID: string,
  argv: Argv,
  output?: Writable,
): Promise<number> {
  if ((await call.world.machineId()) === machineID) return await call.world.runHere(argv, output);
  const machines = await (await call.fleet()).machines();
  const host = machines.find(({ id }) => id === machineID)?.primaryIP ?? "";
  if (host === "") {
    call.err("Could not determine address of machine.");
    return 1;
  }
  const remote = await call.remote();
  const target = { host, port: numberOf(call.options, "ssh-port", 22) };
  return await remote.run(target, argv.map(shellQuote).join(" "), output);
}
