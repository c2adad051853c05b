import { AppError } from "../../foundation/errors.ts";
import type { OptionSpec, OptionValue, OptionValues } from "./command.ts";

export interface ParsedLine {
  readonly values: OptionValues;
  /** The words that are no options, in order. */
  readonly words: readonly string[];
}

export interface ParseRules {
  readonly options: readonly OptionSpec[];
  /** How many words may come before options end; Infinity for "options anywhere". */
  readonly wordsBeforeEnd: number;
}

/**
 * Splits a command line into options and words. Options may stand anywhere before `--`, as `--name value`,
 * `--name=value`, `-n value` or `-abc`; one letter may also follow two dashes, as fleetctl's did. Throws E_USAGE.
 */
export function parseLine(argv: readonly string[], rules: ParseRules): ParsedLine {
  const values = new Map<string, OptionValue>();
  const words: string[] = [];
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--") {
      words.push(...left.splice(0));
    } else if (words.length > rules.wordsBeforeEnd || !isOption(word)) {
      words.push(word);
    } else {
      for (const [spec, attached] of optionsIn(word, rules.options)) {
        values.set(spec.name, valueOf(spec, attached, left));
      }
    }
  }
  return { values, words };
}

function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

/** The options that one word holds, each with the value that is attached to it. */
function optionsIn(
  word: string,
  known: readonly OptionSpec[],
): (readonly [OptionSpec, string | undefined])[] {
  const equals = word.indexOf("=");
  const [name, attached] = equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  if (name.startsWith("--")) {
    const spec = known.find((one) => `--${one.name}` === name || `--${one.short ?? ""}` === name);
    if (spec === undefined) throw unknownOption(name);
    return [[spec, attached]];
  }
  return name
    .slice(1)
    .split("")
    .map((letter, at, letters) => {
      const spec = known.find((one) => one.short === letter);
      if (spec === undefined) throw unknownOption(`-${letter}`);
      return [spec, at === letters.length - 1 ? attached : undefined] as const;
    });
}

function unknownOption(name: string): AppError {
  return new AppError("E_USAGE", `unknown flag: ${name}`);
}

function valueOf(spec: OptionSpec, attached: string | undefined, left: string[]): OptionValue {
  if (spec.kind === "boolean") return attached === undefined ? true : booleanOf(spec, attached);
  const value = attached ?? left.shift();
  if (value === undefined) throw new AppError("E_USAGE", `flag needs an argument: --${spec.name}`);
  return spec.kind === "string" ? value : numberFrom(spec, value);
}

/** A value that came as text, from an option or from the environment. Throws E_USAGE. */
export function convert(spec: OptionSpec, value: string): OptionValue {
  if (spec.kind === "boolean") return booleanOf(spec, value);
  return spec.kind === "number" ? numberFrom(spec, value) : value;
}

function booleanOf(spec: OptionSpec, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new AppError("E_USAGE", `invalid argument "${value}" for --${spec.name}: neither true nor false`);
}

function numberFrom(spec: OptionSpec, value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && Number.isFinite(number)) return number;
  throw new AppError("E_USAGE", `invalid argument "${value}" for --${spec.name}: not a number`);
}
