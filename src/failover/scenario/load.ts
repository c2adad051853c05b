import { z } from "zod";
import { readYaml } from "../../spec/document.ts";
import { nearest } from "../../spec/nearest.ts";
import { showProblem, type Path, type Problem } from "../../spec/problem.ts";
import { AppError } from "../../foundation/errors.ts";
import { checkVictims } from "./check-victims.ts";
import { scenarioSchema, type Scenario } from "./scenario.ts";

export type LoadedScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the text of a scenario file; every problem with its place.
 * @param file only the name that problems are shown with
 * @param nodes the cluster's machines, when they are known: victims that none of them can be are problems too
 */
export function loadScenario(text: string, file: string, nodes?: readonly string[]): LoadedScenario {
  const source = readYaml(text);
  if (source.errors.length > 0) {
    return { ok: false, problems: source.errors.map((error) => ({ ...error, file, path: "" })) };
  }
  const parsed = scenarioSchema.safeParse(source.value);
  if (parsed.success) {
    const missing = nodes === undefined ? [] : checkVictims(parsed.data, nodes);
    if (missing.length === 0) return { ok: true, scenario: parsed.data };
    const problems = missing.map(({ path, message }) => ({
      file,
      ...source.placeOf(path, false),
      path: path.join("."),
      message,
      hint: `the machines are ${nodes?.join(", ")}`,
    }));
    return { ok: false, problems };
  }
  const problems = parsed.error.issues
    .flatMap((issue) => findingsOf(issue))
    .map(({ path, message, hint, atKey }) => ({
      file,
      ...source.placeOf(path, atKey),
      path: path.join("."),
      message,
      hint,
    }));
  return { ok: false, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** The error to throw when a scenario cannot be played with these problems. */
export function scenarioError(problems: readonly Problem[]): AppError {
  const file = problems[0]?.file ?? "the scenario";
  return new AppError(
    "E_SCENARIO_INVALID",
    `${file} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}`,
    {
      details: problems.map(showProblem),
      hint: "docs/scenarios.md explains what a scenario may say",
    },
  );
}

/** The JSON Schema of scenario files, for editors. */
export function scenarioJsonSchema(): object {
  return z.toJSONSchema(scenarioSchema, { io: "input" });
}

interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint: string | undefined;
  readonly atKey: boolean;
}

type Issue = z.core.$ZodIssue;

function findingsOf(issue: Issue): Finding[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code === "invalid_union") return unionFindings(issue, path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `unknown key "${key}"`,
      hint: undefined,
    }));
  }
  return [{ path, message: issue.message, hint: undefined, atKey: false }];
}

/**
 * A union fails in every branch. A key that no branch knows is the mistake; else the user meant the branch whose keys fit
 * best, and only its problems are told.
 */
function unionFindings(issue: Issue & { code: "invalid_union" }, path: Path): Finding[] {
  const branches = issue.errors.map((issues) =>
    issues.flatMap((inner) => findingsOf({ ...inner, path: [...path, ...inner.path] })),
  );
  const unknownTo = (branch: readonly Finding[]): string[] =>
    branch.filter(({ atKey }) => atKey).map((finding) => finding.path.join("."));
  const first = branches[0] ?? [];
  const strangers = first.filter(
    ({ atKey, path }) => atKey && branches.every((branch) => unknownTo(branch).includes(path.join("."))),
  );
  if (strangers.length > 0) return strangers.map((finding) => withSuggestion(finding, issue));
  return (
    branches.toSorted((a, b) => unknownTo(a).length - unknownTo(b).length || a.length - b.length)[0] ?? []
  );
}

/** Every branch complains that a key of its own is missing: those are the keys that could have been meant. */
function withSuggestion(finding: Finding, issue: Issue & { code: "invalid_union" }): Finding {
  const missing = issue.errors.flat().filter((inner) => inner.path.length === 1);
  const known = [...new Set(missing.map((inner) => String(inner.path[0])))];
  const close = nearest(String(finding.path.at(-1)), known);
  const hint = close === undefined ? `write one of ${known.join(", ")}` : `did you mean "${close}"?`;
  return { ...finding, hint };
}
