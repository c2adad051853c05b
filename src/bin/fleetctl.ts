import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import manifest from "../../package.json" with { type: "json" };
import { systemClock } from "../foundation/clock.ts";
import { readIfExists } from "../foundation/files.ts";
import type { World } from "../fleet/ctl/command.ts";
import { openConnections } from "../fleet/ctl/connections.ts";
import { fleetctl } from "../fleet/ctl/main.ts";

export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** fleetctl: `argv` without the program's name. Gives the exit code. */
export async function main(argv: readonly string[], around: Surroundings = process): Promise<number> {
  // A reader that has had enough (`| head`) is no failure.
  around.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return await fleetctl(argv, worldOf(around));
}

function worldOf({ stdin, stdout, stderr, env }: Surroundings): World {
  return {
    stdin,
    stdout,
    stderr,
    env,
    clock: systemClock(),
    version: manifest.version,
    readFile: readUnlessFolder,
    machineId: async () => (await readIfExists("/etc/machine-id"))?.trim(),
    runHere,
    connect: (globals) => openConnections(globals, { stdin, stdout, stderr }),
  };
}

/** `fleetctl start hello` beside a folder `hello` means the unit. */
async function readUnlessFolder(path: string): Promise<string | undefined> {
  try {
    return await readIfExists(path);
  } catch (error) {
    if (["EISDIR", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

async function runHere([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  const child = spawn(program, args, { stdio: "inherit" });
  return await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      resolve(code ?? 128 + (constants.signals[signal ?? "SIGTERM"] ?? 0)),
    );
  });
}
