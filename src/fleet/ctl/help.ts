import { commands, findCommand } from "./commands.ts";
import type { Call, CommandSpec, OptionSpec } from "./command.ts";
import { globalOptions } from "./globals.ts";
import { formatTable } from "./table.ts";

/** `fleetctl help [COMMAND]`. */
export async function help({ args, out, err, world }: Call): Promise<number> {
  const [word] = args;
  const command = word === undefined ? undefined : findCommand(word);
  if (word !== undefined && command === undefined) {
    err(`Error: unknown command "${word}" for "fleetctl"`);
    return 2;
  }
  out(command === undefined ? overview(world.version) : helpFor(command));
  return 0;
}

/** What `fleetctl` prints without a command. */
export function overview(version: string): string {
  const list = indent(formatTable(commands.map(({ name, summary }) => [name, summary])));
  return [
    section("NAME", "\tfleetctl - command line of fleet, the cluster-wide init system"),
    section("USAGE", "\tfleetctl [global options] <command> [command options] [arguments...]"),
    section("VERSION", `\t${version}`),
    section("COMMANDS", list),
    section("GLOBAL OPTIONS", optionList(globalOptions)),
    "Global options can also be set by variables: FLEETCTL_TUNNEL for --tunnel.",
    "Run 'fleetctl help <command>' for more about a command.",
  ].join("\n");
}

/** What `fleetctl help COMMAND` prints. */
function helpFor(command: CommandSpec): string {
  return [
    section("NAME", `\tfleetctl ${command.name} - ${command.summary}`),
    section("USAGE", `\tfleetctl ${command.name} ${command.usage}`.trimEnd()),
    section("DESCRIPTION", `\t${command.description}`),
    ...(command.options.length === 0 ? [] : [section("OPTIONS", optionList(command.options))]),
    "For the global options run 'fleetctl help'.",
  ].join("\n");
}

function section(title: string, body: string): string {
  return `${title}:\n${body}\n`;
}

function optionList(options: readonly OptionSpec[]): string {
  return indent(formatTable(options.map((option) => [nameOf(option), meaning(option)])));
}

function indent(table: string): string {
  return table.trimEnd().replaceAll(/^/gm, "\t");
}

function nameOf({ name, short, kind }: OptionSpec): string {
  const value = kind === "boolean" ? "" : `=${kind === "number" ? "N" : "X"}`;
  return `${short === undefined ? "" : `-${short}, `}--${name}${value}`;
}

function meaning({ help, standard }: OptionSpec): string {
  return standard === undefined ? help : `${help} (default ${standard})`;
}
