import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { isAppError } from "../../foundation/errors.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { byId, machineLegend } from "./legend.ts";
import { type Argv, runOnMachine } from "./machine-shell.ts";

/** A program for the machines of a global unit. */
export interface Round {
  readonly machineIDs: readonly string[];
  readonly argv: Argv;
}

/**
 * Runs it on one machine after the other, each under its name unless `plain`. A machine that cannot be reached is named on
 * standard error and keeps none of the others from answering. Gives the first exit code that is not zero.
 */
export async function inTurn(call: Call, { machineIDs, argv }: Round, plain = false): Promise<number> {
  const machines = byId(await (await call.fleet()).machines());
  let result = 0;
  for (const [index, id] of machineIDs.entries()) {
    const legend = machineLegend(id, machines);
    if (!plain) call.out(`${index > 0 ? "\n" : ""}${legend}:`);
    const code = await runOnMachine(call, id, argv).catch(unreachable(call, legend));
    if (result === 0) result = code;
  }
  return result;
}

/** As `inTurn`, but at the same time, until the last has ended; each line begins with its machine's id unless `plain`. */
export async function together(call: Call, { machineIDs, argv }: Round, plain = false): Promise<number> {
  const machines = byId(await (await call.fleet()).machines());
  // Each machine's errors go there, and Node.js takes more than ten listeners for a leak.
  call.world.stderr.setMaxListeners(0);
  const follow = async (id: string): Promise<number> => {
    const output = new PassThrough();
    const printed = printLines(call, output, plain ? "" : `${id.slice(0, 8)}: `);
    const code = await runOnMachine(call, id, argv, output).catch(
      unreachable(call, machineLegend(id, machines)),
    );
    output.end();
    await printed;
    return code;
  };
  const codes = await Promise.all(machineIDs.map(follow));
  return codes.find((code) => code !== 0) ?? 0;
}

async function printLines(call: Call, output: PassThrough, mark: string): Promise<void> {
  for await (const line of createInterface({ input: output, crlfDelay: Infinity }))
    call.out(`${mark}${line}`);
}

function unreachable(call: Call, legend: string): (error: unknown) => number {
  return (error) => {
    if (!isAppError(error)) throw error;
    complain(call, legend, error);
    return 1;
  };
}
