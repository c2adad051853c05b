import type { z } from "zod";
import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./problem.ts";
import { clusterShape } from "./schema.ts";
import { valueAt } from "./unsupported.ts";

type Issue = z.core.$ZodIssue;

/** What the schema found wrong, in the words of a user. `raw` is the document's value. */
export function findingsOf(issues: readonly Issue[], raw: unknown): Finding[] {
  return issues.flatMap((issue) => findingOf(issue, raw));
}

function findingOf(issue: Issue, raw: unknown): Finding[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key]));
    case "invalid_key":
      return [{ path, atKey: true, message: issue.issues[0]?.message ?? issue.message }];
    case "invalid_type":
      return [wrongType(path, issue, valueAt(raw, path))];
    case "invalid_value":
      return [wrongChoice(path, issue, valueAt(raw, path))];
    default:
      return [{ path, message: issue.message }];
  }
}

function wrongType(path: Path, issue: Issue & { code: "invalid_type" }, value: unknown): Finding {
  const key = String(path.at(-1) ?? "");
  if (value === undefined) return { path, message: `"${key}" is missing`, hint: examples[key] ?? "" };
  const own = issue.message.startsWith("Invalid input") ? undefined : issue.message;
  const expected = own ?? `expected ${typeNames[issue.expected] ?? issue.expected}`;
  const quotable = issue.expected === "string" && (typeof value === "number" || typeof value === "boolean");
  return {
    path,
    message: path.length === 0 ? "expected a map with version, name …" : `${expected}, not ${typeOf(value)}`,
    ...(quotable ? { hint: `put it into quotes: "${String(value)}"` } : {}),
  };
}

const examples: Record<string, string> = {
  version: "begin the file with 'version: 1'",
  name: "add a line like 'name: demo'",
};

const typeNames: Record<string, string> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  object: "a map",
  record: "a map",
  array: "a list",
};

function typeOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return value.length > 40 ? "text" : `the text "${value}"`;
  return JSON.stringify(value) ?? "nothing";
}

function wrongChoice(path: Path, issue: Issue & { code: "invalid_value" }, value: unknown): Finding {
  if (!issue.message.startsWith("Invalid")) return { path, message: issue.message };
  const choices = issue.values.map(String);
  const close = typeof value === "string" ? nearest(value, choices) : undefined;
  return {
    path,
    message: `expected ${list(choices, "or")}, not ${typeOf(value)}`,
    ...(close === undefined ? {} : { hint: `did you mean "${close}"?` }),
  };
}

function unknownKey(path: Path): Finding {
  const key = String(path.at(-1));
  const siblings = keysAt(path.slice(0, -1));
  const close = nearest(key, siblings);
  const home = close === undefined ? homeOf(key) : undefined;
  const hint =
    close !== undefined
      ? `did you mean "${close}"?`
      : home !== undefined
        ? `"${key}" belongs under "${home}"`
        : `the keys here are ${list(siblings, "and")}`;
  return { path, atKey: true, message: `unknown key "${key}"`, hint };
}

interface Shape {
  readonly properties?: Record<string, Shape>;
  readonly additionalProperties?: Shape | boolean;
}

/** The keys that a map at `path` may have. */
function keysAt(path: Path): string[] {
  let shape = clusterShape() as Shape;
  for (const part of path) {
    const rest = shape.additionalProperties;
    shape = shape.properties?.[part] ?? (typeof rest === "object" ? rest : {});
  }
  return Object.keys(shape.properties ?? {});
}

/** The section that has this key, for a key that stands one level too high or too deep. */
function homeOf(key: string): string | undefined {
  const sections = Object.entries((clusterShape() as Shape).properties ?? {});
  return sections.find(([, section]) => Object.hasOwn(section.properties ?? {}, key))?.[0];
}

function list(words: readonly string[], conjunction: string): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} ${conjunction} ${words.at(-1) ?? ""}`;
}
