import { AppError } from "../foundation/errors.ts";

/** What every provider says of a machine that it was not told to create. */
export function noMachine(node: string): AppError {
  return new AppError("E_STATE_CONFLICT", `there is no machine ${node}`, {
    hint: "run 'cluster up' to create it",
  });
}
