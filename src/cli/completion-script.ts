import { AppError } from "../foundation/errors.ts";
import { globalOptions, type Command } from "./command.ts";

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly subcommands: readonly string[];
}

/** A script for the shell. @throws E_USAGE for a shell that we do not know */
export function completionScript(shell: string, commands: readonly Command[]): string {
  const entries = commands.filter(({ hidden }) => hidden !== true).map(entryOf);
  switch (shell) {
    case "bash":
      return bash(entries);
    case "zsh":
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(entries)}`;
    case "fish":
      return fish(entries);
    default:
      throw new AppError("E_USAGE", `there is no completion for the shell "${shell}"`, {
        hint: "use bash, zsh or fish",
      });
  }
}

function entryOf({ name, summary, options, subcommands = [] }: Command): Entry {
  const own = [...options, ...globalOptions].map((option) => option.name);
  return { name, summary, options: own, subcommands: subcommands.map((inner) => inner.name) };
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, options, subcommands }) => `    ${name}) words="${[...subcommands, ...options].join(" ")}" ;;`,
  );
  return `_cluster() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="${entries.map(({ name }) => name).join(" ")}"
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
${cases.map((line) => `  ${line}`).join("\n")}
    esac
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _cluster cluster flotilla
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ name, summary, options, subcommands }) => [
    `complete -c cluster -n __fish_use_subcommand -a ${name} -d "${summary.replaceAll('"', '\\"')}"`,
    ...options.map(
      (option) => `complete -c cluster -n "__fish_seen_subcommand_from ${name}" -l ${option.slice(2)}`,
    ),
    ...subcommands.map((inner) => `complete -c cluster -n "__fish_seen_subcommand_from ${name}" -a ${inner}`),
  ]);
  return `${lines.join("\n")}\n`;
}
