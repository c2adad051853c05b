import type { DesiredState } from "../model.ts";
import { isGlobal } from "../unit/requirements.ts";
import type { ApiUnit, ApiUnitState } from "../api/client.ts";

/** What a look at the cluster showed of one unit. */
export interface Sight {
  /** Undefined when the registry has no such unit. */
  readonly unit: ApiUnit | undefined;
  readonly states: readonly ApiUnitState[];
}

export interface Goal {
  readonly state: DesiredState;
  /** What systemd must say besides: that it is active, that it no longer knows it, or nothing in particular. */
  readonly systemd: "active" | "absent" | "any";
}

/**
 * How far a unit is on its way. `trouble` becomes an error when it is seen for `patience` ms without a break: what the
 * API shows may be a moment older than what was asked for.
 */
export type Progress =
  | { readonly kind: "done" }
  | { readonly kind: "pending" }
  | { readonly kind: "trouble"; readonly patience: number; readonly trouble: Trouble };

export type Trouble =
  | { readonly kind: "gone" }
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly state: ApiUnitState }
  | { readonly kind: "not-running"; readonly state: ApiUnitState };

/** Judges one look at a unit. */
export function progressOf({ unit, states }: Sight, goal: Goal): Progress {
  if (unit === undefined) return trouble(2_000, { kind: "gone" });
  if (unit.refusal !== undefined && goal.state !== "inactive") return trouble(300, { kind: "refused" });
  if (!isGlobal(unit) && unit.currentState !== goal.state) return { kind: "pending" };
  if (goal.systemd === "absent") return { kind: states.length === 0 ? "done" : "pending" };
  // A stop was asked for, but the service takes its time.
  if (goal.systemd === "any") return { kind: states.some(isStopping) ? "pending" : "done" };
  const state = states.find(({ machineID }) => unit.machineID === "" || machineID === unit.machineID);
  return state === undefined ? { kind: "pending" } : runningProgress(unit, state);
}

function runningProgress(unit: ApiUnit, state: ApiUnitState): Progress {
  if (state.load === "loaded" && state.active === "active") return { kind: "done" };
  if (state.active === "failed") return trouble(300, { kind: "failed", state });
  if (isOneshot(unit) && state.load === "loaded") return { kind: "done" };
  if (state.sub === "auto-restart") return trouble(5_000, { kind: "failed", state });
  // It ended by itself, or could not be loaded at all; a start that is still under way is "activating".
  return state.active === "inactive" ? trouble(2_000, { kind: "not-running", state }) : { kind: "pending" };
}

function isStopping({ active }: ApiUnitState): boolean {
  return active === "deactivating";
}

function trouble(patience: number, what: Trouble): Progress {
  return { kind: "trouble", patience, trouble: what };
}

function isOneshot({ options }: ApiUnit): boolean {
  const types = options.filter(({ section, name }) => section === "Service" && name === "Type");
  return types.at(-1)?.value.trim() === "oneshot";
}
