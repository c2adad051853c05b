import { AppError } from "../foundation/errors.ts";

/** Something in cluster.yaml that is wrong, or (as a warning) that its author should know. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `machines.overrides.core-02.memory`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** What to write instead. */
  readonly hint: string | undefined;
}

/** A path inside the document: keys of maps, indices of lists. */
export type Path = readonly (string | number)[];

/** A problem before its place in the file is known. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
  readonly level?: "warning";
}

/** `cluster.yaml:4:13 machines.memory: expected a whole number …`, and the hint on a second line. */
export function showProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const subject = problem.path === "" ? "" : ` ${problem.path}:`;
  const hint = problem.hint === undefined ? "" : `\n    ${problem.hint}`;
  return `${place}${subject} ${problem.message}${hint}`;
}

/** The error to throw when a command cannot go on with these problems. */
export function specError(problems: readonly Problem[]): AppError {
  const file = problems[0]?.file ?? "cluster.yaml";
  const many = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  return new AppError("E_CONFIG_INVALID", `${file} has ${many}`, {
    details: problems.map(showProblem),
    hint: "mend what is listed, then check with 'cluster validate'",
  });
}
