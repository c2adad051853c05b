import { AppError } from "./errors.ts";

/** One program to run on this host. No shell is ever involved: arguments are passed as they are. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kill it after, ms. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** How it ended. `code` is undefined when a signal ended it or it could not be started. */
export interface CommandResult {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Set when the program does not exist. */
  readonly missing: boolean;
}

/** The port through which everything on this host is run. A non-zero exit is a value, not an exception. */
export interface Exec {
  run(command: Command): Promise<CommandResult>;
}

/** Runs real programs. */
export function hostExec(): Exec {
  return {
    run: async (command) => {
      // Read when it is needed: commands that only look run no program.
      const { execa } = await import("execa");
      const [file, ...args] = command.argv;
      const result = await execa(file, args, {
        reject: false,
        stripFinalNewline: false,
        ...(command.input === undefined ? { stdin: "ignore" as const } : { input: command.input }),
        ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
        ...(command.env === undefined ? {} : { env: command.env }),
        ...(command.timeout === undefined ? {} : { timeout: command.timeout }),
        ...(command.signal === undefined ? {} : { cancelSignal: command.signal }),
      });
      return {
        code: result.exitCode,
        stdout: result.stdout,
        stderr: result.stderr,
        timedOut: result.timedOut,
        missing: (result.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT",
      };
    },
  };
}

/** Runs and returns standard output; a failure becomes E_COMMAND_FAILED with the program's last words. */
export async function mustRun(exec: Exec, command: Command): Promise<string> {
  const result = await exec.run(command);
  if (result.code === 0) return result.stdout;
  const line = command.argv.map(shellQuote).join(" ");
  if (result.missing) {
    throw new AppError("E_HOST_LACKS", `the program ${command.argv[0]} is not installed`, {
      details: [`needed for: ${line}`],
    });
  }
  const how = result.timedOut ? "did not end in time" : `failed (exit ${result.code ?? "by signal"})`;
  throw new AppError("E_COMMAND_FAILED", `${command.argv[0]} ${how}`, {
    details: [line, ...lastLines(result.stderr || result.stdout, 8)],
  });
}

/** Quotes one word so that it can be pasted into a POSIX shell. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The last `count` non-empty lines. */
export function lastLines(text: string, count: number): string[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count);
}
