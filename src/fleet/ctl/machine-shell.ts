import { shellQuote } from "../../foundation/exec.ts";
import { numberOf } from "./command.ts";
import type { Call } from "./command.ts";

/** Runs a program on a machine: here when the machine is this one, else by ssh. Gives its exit code. */
export async function runOnMachine(
  call: Call,
  machineID: string,
  argv: readonly [string, ...string[]],
): Promise<number> {
  if ((await call.world.machineId()) === machineID) return await call.world.runHere(argv);
  const machines = await (await call.fleet()).machines();
  const host = machines.find(({ id }) => id === machineID)?.primaryIP ?? "";
  if (host === "") {
    call.err("Could not determine address of machine.");
    return 1;
  }
  const remote = await call.remote();
  return await remote.run(
    { host, port: numberOf(call.options, "ssh-port", 22) },
    argv.map(shellQuote).join(" "),
  );
}
