import { AppError, exitCodes, isAppError } from "../../foundation/errors.ts";
import { commands, findCommand } from "./commands.ts";
import type { Call, CommandSpec, Connections, OptionSpec, OptionValues, World } from "./command.ts";
import { isOn } from "./command.ts";
import { sayMore } from "./complain.ts";
import { parseLine } from "./flags.ts";
import type { ParsedLine } from "./flags.ts";
import { globalOptions, readGlobals } from "./globals.ts";

/** Runs one fleetctl command line (without the program's name) and gives its exit code. */
export async function fleetctl(argv: readonly string[], world: World): Promise<number> {
  const err = (line: string): void => void world.stderr.write(`${line}\n`);
  try {
    return await dispatch(argv, world);
  } catch (error) {
    if (!isAppError(error)) throw error;
    err(`Error: ${error.message}`);
    sayMore({ err }, error);
    if (error.code === "E_USAGE") err("Run 'fleetctl --help' for usage.");
    return error.code === "E_USAGE" ? exitCodes.usage : exitCodes.false;
  }
}

async function dispatch(argv: readonly string[], world: World): Promise<number> {
  if (argv[0] === "--version" || argv[0] === "-v") return await runCommand("version", [], new Map(), world);
  // The command's name decides which options there are, so the first look knows the options of all.
  const everyOption = [...globalOptions, ...distinct(commands.flatMap(({ options }) => options))];
  const [word] = parseLine(argv, { options: everyOption, wordsBeforeEnd: 0 }).words;
  if (word === undefined) {
    const { values } = parseLine(argv, { options: globalOptions, wordsBeforeEnd: 0 });
    return await runCommand("help", [], values, world);
  }
  const command = findCommand(word);
  if (command === undefined) throw new AppError("E_USAGE", `unknown command "${word}" for "fleetctl"`);
  const { values, words } = parseFor(command, argv);
  if (isOn(values, "help")) return await runCommand("help", [command.name], values, world);
  return await runCommand(command.name, words.slice(1), values, world);
}

function parseFor(command: CommandSpec, argv: readonly string[]): ParsedLine {
  const options = [...command.options, ...globalOptions];
  if (command.passesThrough !== true) return parseLine(argv, { options, wordsBeforeEnd: Infinity });
  return parseLine(argv, { options, wordsBeforeEnd: 1 });
}

function distinct(options: readonly OptionSpec[]): OptionSpec[] {
  return [...new Map(options.map((option) => [option.name, option])).values()];
}

async function runCommand(
  name: string,
  args: readonly string[],
  options: OptionValues,
  world: World,
): Promise<number> {
  const command = findCommand(name);
  if (command === undefined) throw new AppError("E_BUG", `no command ${name}`);
  const globals = readGlobals(options, world.env);
  let connections: Connections | undefined;
  const connected = (): Connections => (connections ??= world.connect(globals));
  const call: Call = {
    command: command.name,
    args,
    options,
    globals,
    world,
    fleet: async () => await connected().fleet().catch(notInitialised),
    remote: async () => await connected().remote(),
    out: (line) => void world.stdout.write(`${line}\n`),
    err: (line) => void world.stderr.write(`${line}\n`),
  };
  try {
    const run = await command.load();
    return await run(call);
  } finally {
    await connections?.close();
  }
}

/** Tells a failure to get a client at all from a failure of a request. */
function notInitialised(error: unknown): never {
  if (!isAppError(error) || error.code === "E_USAGE") throw error;
  throw new AppError(error.code, `Unable to initialize client: ${error.message}`, {
    cause: error,
    details: error.details,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
