import type { Context } from "./context.ts";

/**
 * A command as data: help, docs/cli.md and completion are made from it. `run` reads what it needs with `await import`,
 * because reading everything would cost each command 0.3 s.
 */
export interface Command {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** More, for --help and docs/cli.md. */
  readonly description?: string;
  readonly args: readonly Argument[];
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
  /** What may come after `--`, e.g. `CMD…`. */
  readonly rest?: string;
  /** Not shown anywhere. */
  readonly hidden?: boolean;
  readonly subcommands?: readonly Command[];
  /** Gives the exit code. */
  run(context: Context, input: Input): Promise<number>;
}

export interface Argument {
  /** Upper case: NODE. */
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly many: boolean;
  /** What the shell can complete it with. */
  readonly completes?: "node" | "shell" | "scenario";
}

export interface Option {
  /** `--provider`; the long form only. */
  readonly name: string;
  readonly short?: string;
  /** Upper case; missing for a switch. */
  readonly value?: string;
  readonly summary: string;
  readonly choices?: readonly string[];
}

export interface Example {
  readonly command: string;
  readonly meaning: string;
}

/** What the user typed, taken apart. */
export interface Input {
  readonly args: readonly string[];
  /** What came after `--`; undefined when there was no `--`. */
  readonly rest: readonly string[] | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Whether a switch was given. */
export function isOn(input: Input, option: string): boolean {
  return input.options[camelCase(option)] === true;
}

/** The value of an option. */
export function valueOf(input: Input, option: string): string | undefined {
  const value = input.options[camelCase(option)];
  return typeof value === "string" ? value : undefined;
}

function camelCase(option: string): string {
  return option.replace(/^--/, "").replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export const nodesArgument: Argument = {
  name: "NODE",
  summary: "machines; none means all",
  required: false,
  many: true,
  completes: "node",
};

export const nodeArgument: Argument = {
  name: "NODE",
  summary: "the machine",
  required: true,
  many: false,
  completes: "node",
};

export const dryRunOption: Option = { name: "--dry-run", summary: "say what would be done, and do nothing" };

export const providerOption: Option = {
  name: "--provider",
  value: "NAME",
  summary: "what makes the machines, instead of what cluster.yaml says",
  choices: ["auto", "virtualbox", "libvirt", "nspawn", "ssh"],
};

/** Options of every command. */
export const globalOptions: readonly Option[] = [
  {
    name: "--cluster",
    value: "NAME|DIR",
    summary: "which cluster: else $CLUSTER, ./cluster.yaml, the only one in ./clusters/, ./clusters/demo",
  },
  { name: "--json", summary: "machine-readable: one document, or one line per event" },
];
