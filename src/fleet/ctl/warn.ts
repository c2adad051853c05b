import type { Unit } from "../model.ts";
import { oddMetadata, unrecognisedRequirements } from "../unit/requirements.ts";
import type { Call } from "./command.ts";

/** Says on standard error what is odd about a unit that is valid. */
export function warn({ err }: Pick<Call, "err">, unit: Pick<Unit, "name" | "options">): void {
  for (const key of unrecognisedRequirements(unit.options)) {
    err(`WARN Unit ${unit.name}: unrecognized requirement in [X-Fleet] section: "${key}"`);
  }
  for (const what of oddMetadata(unit)) err(`WARN Unit ${unit.name}: MachineMetadata ${what}`);
}
