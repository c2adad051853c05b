import type { DesiredState } from "../model.ts";
import { isGlobal } from "../unit/requirements.ts";
import { hashUnit } from "../unit/serialize.ts";
import type { ApiUnit, ApiUnitState } from "../api/client.ts";

/** What a look at the cluster showed of one unit. */
export interface Sight {
  /** Undefined when the registry has no such unit. */
  readonly unit: ApiUnit | undefined;
  readonly states: readonly ApiUnitState[];
}

export interface Goal {
  readonly state: DesiredState;
  /** What systemd must say besides: that it is active, has it, no longer knows it, or nothing in particular. */
  readonly systemd: "active" | "loaded" | "absent" | "any";
  /** The hash of the version that is awaited; undefined when the unit was not replaced. */
  readonly version?: string | undefined;
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
  | { readonly kind: "overtaken" }
  | { readonly kind: "failed"; readonly state: ApiUnitState }
  | { readonly kind: "not-running"; readonly state: ApiUnitState };

/** Whether fleet calls the unit, in the version that is awaited, what it shall be. */
export function hasArrived({ unit, states }: Sight, { state, version }: Goal): boolean {
  if (unit === undefined || unit.currentState !== state) return false;
  return version === undefined || stateOf(unit, states)?.hash === version;
}

/** Judges one look at a unit. */
export function progressOf(sight: Sight, goal: Goal): Progress {
  const { unit, states } = sight;
  if (unit === undefined) return trouble(2_000, { kind: "gone" });
  if (unit.refusal !== undefined && goal.state !== "inactive") return trouble(300, { kind: "refused" });
  if (goal.version !== undefined && hashUnit(unit.options) !== goal.version)
    return trouble(2_000, { kind: "overtaken" });
  if (!isGlobal(unit) && !hasArrived(sight, goal)) return { kind: "pending" };
  if (goal.systemd === "absent") return { kind: states.length === 0 ? "done" : "pending" };
  const state = stateOf(unit, states);
  if (goal.systemd === "loaded" && state?.load === "error") return trouble(300, { kind: "failed", state });
  // A stop was asked for, but the service takes its time.
  if (goal.systemd !== "active") return { kind: states.some(isStopping) ? "pending" : "done" };
  return state === undefined ? { kind: "pending" } : runningProgress(unit, state);
}

/** What the machine that has the unit says of it. */
export function stateOf(unit: ApiUnit, states: Sight["states"]): ApiUnitState | undefined {
  return states.find(({ machineID }) => unit.machineID === "" || machineID === unit.machineID);
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
