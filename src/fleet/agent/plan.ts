import type { DesiredState } from "../model.ts";

/** A unit that shall be on this machine. */
export interface Want {
  readonly name: string;
  /** SHA-1 of the canonical unit file. */
  readonly hash: string;
  /** The canonical unit file. */
  readonly content: string;
  readonly desired: Exclude<DesiredState, "inactive">;
}

/** A unit that is in fleet's directory on this machine. */
export interface Local {
  /** SHA-1 of the canonical unit file. */
  readonly hash: string;
  /** How far the agent brought it; `inactive`: the file lies there, and systemd does not know it. */
  readonly reached: DesiredState;
}

export type StepKind = "unload" | "load" | "stop" | "start";

/** One thing to do to one unit. */
export interface Step {
  readonly kind: StepKind;
  readonly unit: string;
  /** In fleet's words. */
  readonly reason: string;
}

const order: readonly StepKind[] = ["unload", "load", "stop", "start"];

/** The steps, in their order, that turn what is here of one unit into what shall be. */
export function planUnit(unit: string, want: Want | undefined, local: Local | undefined): Step[] {
  const step = (kind: StepKind, reason: string): Step => ({ kind, unit, reason });
  if (want === undefined)
    return local === undefined ? [] : [step("unload", "unit loaded but not scheduled here")];
  const start = step("start", "unit currently loaded but desired state is launched");
  const begin = [
    step("load", "unit scheduled here but not loaded"),
    ...(want.desired === "launched" ? [start] : []),
  ];
  if (local === undefined) return begin;
  if (local.hash !== want.hash) return [step("unload", "unit loaded but hash differs to expected"), ...begin];
  if (local.reached === "inactive") return begin;
  if (local.reached === want.desired) return [];
  if (want.desired === "launched") return [start];
  return [step("stop", "unit currently launched but desired state is loaded")];
}

/** The steps for all units: whatever frees something comes first, then by name. */
export function plan(desired: ReadonlyMap<string, Want>, local: ReadonlyMap<string, Local>): Step[] {
  const units = [...new Set([...desired.keys(), ...local.keys()])].toSorted();
  return units
    .flatMap((unit) => planUnit(unit, desired.get(unit), local.get(unit)))
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}
