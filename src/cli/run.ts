import type { Readable, Writable } from "node:stream";
import { CommanderError } from "commander";
import { AppError, exitCodes, isAppError } from "../foundation/errors.ts";
import type { ClusterEvent } from "../lifecycle/events.ts";
import type { Command, Input } from "./command.ts";
import { commands } from "./commands.ts";
import type { Context, Io, Wiring } from "./context.ts";
import { buildProgram } from "./register.ts";
import { errorJson, isInterruption, showBug, showError } from "./show/error.ts";
import type { Reporter } from "./show/reporter.ts";
import { plainReporter } from "./show/plain.ts";
import { version } from "./version.ts";

/** The whole command line: takes arguments (without node and script), gives the exit code; throws nothing. */
export async function run(argv: readonly string[], io: Io, wiring: Wiring): Promise<number> {
  const cut = argv.indexOf("--");
  const mine = cut < 0 ? argv : argv.slice(0, cut);
  const rest = cut < 0 ? undefined : argv.slice(cut + 1);
  const json = mine.includes("--json");
  let code: number = exitCodes.ok;
  const program = buildProgram(commands, version, async (command, input) => {
    code = await runCommand(command, { ...input, rest }, { io, wiring, json });
  });
  forEach(program, (one) =>
    one.exitOverride().configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => (json ? undefined : write(text)),
    }),
  );
  try {
    if (mine.length === 0) program.help({ error: true });
    await program.parseAsync([...mine], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return usageCode(error, json, io);
    return report(error, json, io);
  }
}

function forEach(
  program: ReturnType<typeof buildProgram>,
  visit: (one: ReturnType<typeof buildProgram>) => void,
): void {
  visit(program);
  for (const inner of program.commands) forEach(inner, visit);
}

/** Help and version end well; everything else that commander says is the user's mistake. */
function usageCode(error: CommanderError, json: boolean, io: Io): number {
  if (error.exitCode === 0) return exitCodes.ok;
  if (json) {
    const message = error.message.replace(/^error: /, "");
    io.stdout.write(`${JSON.stringify(errorJson(new AppError("E_USAGE", message)))}\n`);
  }
  return exitCodes.usage;
}

function report(error: unknown, json: boolean, io: Io): number {
  const reason = io.signal.aborted && isInterruption(error) ? io.signal.reason : error;
  const shown = isAppError(reason) ? reason : undefined;
  if (json) {
    const known = shown ?? new AppError("E_BUG", error instanceof Error ? error.message : String(error));
    io.stdout.write(`${JSON.stringify(errorJson(known))}\n`);
    return known.exitCode;
  }
  io.stderr.write(shown === undefined ? showBug(error, version) : showError(shown));
  return shown?.exitCode ?? exitCodes.bug;
}

interface Setting {
  readonly io: Io;
  readonly wiring: Wiring;
  readonly json: boolean;
}

async function runCommand(command: Command, input: Input, setting: Setting): Promise<number> {
  mustTakeRest(command, input);
  const { io, wiring, json } = setting;
  const reporter = lazyReporter(() => chooseReporter(io, json));
  const emit = (event: ClusterEvent): void => reporter.emit(event);
  const asked = typeof input.options["cluster"] === "string" ? input.options["cluster"] : io.env["CLUSTER"];
  const context: Context = {
    io,
    wiring,
    json,
    emit,
    ask: async ({ text }) => (io.isTTY && !json ? await askOnTerminal(text, io.stdin, io.stderr) : undefined),
    world: async () => {
      const { signal, hurry } = io;
      return await wiring.world({ emit, signal, hurry, command: `cluster ${command.name}` });
    },
    clusterDir: async () => {
      const { selectCluster } = await import("./select-cluster.ts");
      return await selectCluster({ asked: asked === "" ? undefined : asked, cwd: io.cwd });
    },
    spec: async (dir) => {
      const { readSpec } = await import("./read-spec.ts");
      return await readSpec(dir, emit, io.env);
    },
    result: (text, document) => void io.stdout.write(json ? `${JSON.stringify(document)}\n` : text),
  };
  try {
    return await command.run(context, input);
  } finally {
    await reporter.end();
  }
}

function mustTakeRest(command: Command, input: Input): void {
  if (input.rest === undefined || input.rest.length === 0 || command.rest !== undefined) return;
  throw new AppError("E_USAGE", `'cluster ${command.name}' takes nothing after --`, {
    hint: `see 'cluster help ${command.name}'`,
  });
}

async function chooseReporter(io: Io, json: boolean): Promise<Reporter> {
  if (json) return (await import("./show/json.ts")).jsonReporter(io.stdout);
  // Some terminals of machines (not of people) say that they have no columns.
  const narrow = (io.stderr as { readonly columns?: number }).columns === 0;
  const plain = !io.isTTY || narrow || io.env["CI"] !== undefined || io.env["TERM"] === "dumb";
  return plain
    ? plainReporter(io.stderr)
    : await (await import("./show/terminal.ts")).terminalReporter(io.stderr);
}

/** Reads the reporter's code only when there is something to report; events keep their order meanwhile. */
function lazyReporter(make: () => Promise<Reporter>): Reporter {
  let ready: Reporter | undefined;
  let making: Promise<void> | undefined;
  const waiting: ClusterEvent[] = [];
  return {
    emit: (event) => {
      if (ready !== undefined) return ready.emit(event);
      waiting.push(event);
      making ??= make().then((made) => {
        ready = made;
        for (const one of waiting.splice(0)) made.emit(one);
      });
    },
    end: async () => {
      await making;
      await ready?.end();
    },
  };
}

async function askOnTerminal(text: string, stdin: Readable, stderr: Writable): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`${text} [Y/n] `);
    return /^(y|yes|)$/i.test(answer.trim());
  } catch (error) {
    // Ctrl-C at a question comes here, not as a signal.
    if (!isInterruption(error)) throw error;
    throw new AppError("E_INTERRUPTED", "interrupted", { cause: error });
  } finally {
    lines.close();
  }
}
