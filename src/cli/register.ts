import { Argument as CommanderArgument, Command as Commander, Option as CommanderOption } from "commander";
import { globalOptions, type Command, type Example, type Input, type Option } from "./command.ts";

/** Called with the command that was typed, and what was typed with it. */
export type Chosen = (command: Command, input: Omit<Input, "rest">) => Promise<void>;

/** Turns the commands into a commander program. Nothing of theirs is run until `parseAsync`. */
export function buildProgram(commands: readonly Command[], version: string, chosen: Chosen): Commander {
  const program = new Commander("cluster")
    .description("real clusters of machines with etcd, Docker, systemd and fleet, made from one cluster.yaml")
    .version(version, "-V, --version")
    .helpCommand("help [COMMAND]", "the help of a command")
    .showHelpAfterError("(see 'cluster help')")
    .addHelpText("after", "\nBegin with 'cluster init mine', then 'cluster up --cluster mine'.\n");
  addOptions(program, globalOptions);
  for (const command of commands) program.addCommand(buildCommand(command, chosen), hiddenness(command));
  return program;
}

function hiddenness(command: Command): { readonly hidden: boolean } {
  return { hidden: command.hidden === true };
}

function buildCommand(command: Command, chosen: Chosen): Commander {
  const built = new Commander(command.name).summary(command.summary).description(describe(command));
  built.helpCommand(false).showHelpAfterError(`(see 'cluster help ${command.name}')`);
  for (const { name, summary, required, many } of command.args) {
    const dots = many ? "..." : "";
    built.addArgument(new CommanderArgument(required ? `<${name}${dots}>` : `[${name}${dots}]`, summary));
  }
  addOptions(built, [...command.options, ...globalOptions]);
  if (command.examples.length > 0) built.addHelpText("after", exampleText(command.examples));
  for (const inner of command.subcommands ?? [])
    built.addCommand(buildCommand(inner, chosen), hiddenness(inner));
  if (command.subcommands === undefined) {
    built.action(async () => {
      await chosen(command, { args: built.args, options: built.optsWithGlobals() });
    });
  }
  return built;
}

function describe(command: Command): string {
  const text = command.description ?? command.summary;
  return command.rest === undefined ? text : `${text}\n\nAfter --: ${command.rest}`;
}

function addOptions(program: Commander, options: readonly Option[]): void {
  for (const { name, short, value, summary, choices } of options) {
    const flags = `${short === undefined ? "" : `${short}, `}${name}${value === undefined ? "" : ` <${value}>`}`;
    const option = new CommanderOption(flags, summary);
    program.addOption(choices === undefined ? option : option.choices(choices));
  }
}

function exampleText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(({ command }) => command.length));
  const lines = examples.map(({ command, meaning }) => `  ${command.padEnd(width)}   ${meaning}`);
  return `\nExamples:\n${lines.join("\n")}\n`;
}
