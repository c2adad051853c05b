import { isAppError, messageOf } from "../../foundation/errors.ts";
import type { Call } from "./command.ts";

/** Says on standard error what went wrong: fleetctl's words, then where, then what to do. */
export function complain({ err }: Pick<Call, "err">, before: string, error: unknown): void {
  err(`${before}: ${messageOf(error)}`);
  sayMore({ err }, error);
}

/** The details and the hint of an error, if it has any. */
export function sayMore({ err }: Pick<Call, "err">, error: unknown): void {
  if (!isAppError(error)) return;
  for (const line of error.details) err(`  ${line}`);
  if (error.hint !== undefined) err(`Hint: ${error.hint}`);
}
