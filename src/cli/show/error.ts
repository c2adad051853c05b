import { isAppError, messageOf, type AppError } from "../../foundation/errors.ts";

/** An error for people: what, details, how to solve it. */
export function showError(error: AppError): string {
  const lines = [`error: ${error.message} [${error.code}]`];
  for (const detail of error.details) lines.push(...detail.split("\n").map((line) => `  ${line}`));
  if (error.hint !== undefined) lines.push(`to solve it: ${error.hint}`);
  return `${lines.join("\n")}\n`;
}

/** The same for programs. */
export function errorJson(error: AppError): object {
  const { code, message, details, hint, exitCode } = error;
  return { v: 1, event: "error", code, message, details, ...(hint === undefined ? {} : { hint }), exitCode };
}

/** Something that is not one of our errors is a mistake of ours. */
export function showBug(error: unknown, version: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    `internal error: ${messageOf(error)}`,
    ...stack.split("\n").slice(1, 8),
    `this is a mistake of ours: please report it with these lines (flotilla ${version}, Node ${process.version}, ${process.platform})`,
    "",
  ].join("\n");
}

/** Whether the error only says that the user stopped us. */
export function isInterruption(error: unknown): boolean {
  return isAppError(error, "E_INTERRUPTED") || (error as Error | undefined)?.name === "AbortError";
}
