import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import manifest from "../../package.json" with { type: "json" };
import { systemClock } from "../foundation/clock.ts";
import { AppError } from "../foundation/errors.ts";
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

/**
 * `fleetctl start hello` beside a folder `hello` means the unit. Bytes that are no text are refused: replaced by others
 * they would be another unit than the file.
 */
async function readUnlessFolder(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "EISDIR", "ENOTDIR"].includes(code ?? "")) return undefined;
    if (code !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw error;
    throw new AppError("E_UNIT_INVALID", `failed getting Unit(${path}) from file: it is not UTF-8 text`, {
      cause: error,
    });
  }
}

async function runHere(
  [program, ...args]: readonly [string, ...string[]],
  output?: Writable,
): Promise<number> {
  const [own, piped] = ["inherit", "pipe"] as const;
  const child = spawn(program, args, { stdio: output === undefined ? own : ["ignore", piped, own] });
  if (output !== undefined) child.stdout?.pipe(output, { end: false });
  return await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    // Unlike "exit" this waits for the last line.
    child.once("close", (code, signal) =>
      resolve(code ?? 128 + (constants.signals[signal ?? "SIGTERM"] ?? 0)),
    );
  });
}
