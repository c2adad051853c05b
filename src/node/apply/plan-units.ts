import type { UnitCommand } from "../cloud-config/model.ts";
import type { Place } from "../cloud-config/place.ts";
import type { Facts, UnitFact } from "./facts.ts";
import type { CommandGoal } from "./goal.ts";
import type { Step } from "./step.ts";

/** Enables a unit that can be enabled and is not. */
export function planEnable(
  goal: { readonly unit: string; readonly runtime: boolean; readonly place: Place },
  facts: Facts,
): readonly Step[] {
  const state = facts.units.get(goal.unit)?.fileState ?? "";
  if (["enabled", "static", "alias", "indirect", "generated"].includes(state)) return [];
  if (goal.runtime && state === "enabled-runtime") return [];
  const reason = state === "" ? "it is not enabled" : `it is ${state}`;
  const where = goal.runtime ? ["--runtime"] : [];
  // Reading the unit files again comes later, once for all.
  const argv = ["systemctl", "--no-reload", ...where, "enable", "--", goal.unit] as const;
  return [{ kind: "run", argv: [...argv], reason, place: goal.place }];
}

interface CommandContext {
  readonly facts: Facts;
  readonly changed: ReadonlySet<string>;
}

/**
 * Queues the job and does not wait for it: at boot much of what a unit is ordered after comes after ourselves. A job
 * that fails later is seen by flotilla-ready.
 */
export function planCommand(
  goal: CommandGoal & { readonly place: Place },
  { facts, changed }: CommandContext,
): readonly Step[] {
  const fact = facts.units.get(goal.unit);
  if (goal.ifPresent && (fact === undefined || fact.load === "not-found")) return [];
  const job = jobFor(goal.command, fact, isChanged(goal.unit, changed));
  if (job === undefined) return [];
  return [
    {
      kind: "run",
      argv: ["systemctl", "--no-block", job.verb, "--", goal.unit],
      reason: job.reason,
      place: goal.place,
    },
  ];
}

function jobFor(
  command: UnitCommand,
  fact: UnitFact | undefined,
  changed: boolean,
): { readonly verb: UnitCommand; readonly reason: string } | undefined {
  const active = fact?.active ?? false;
  switch (command) {
    case "start":
      if (!active) return { verb: "start", reason: "it is not active" };
      return changed ? { verb: "restart", reason: "its files change" } : undefined;
    case "stop":
      return active ? { verb: "stop", reason: "it is active" } : undefined;
    case "restart":
    case "reload":
    case "reload-or-restart":
      if (!active) return { verb: command, reason: "it is not active" };
      return changed ? { verb: command, reason: "its files change" } : undefined;
    case "try-restart":
    case "reload-or-try-restart":
      return active && changed ? { verb: command, reason: "its files change" } : undefined;
  }
}

/** `web@1.service` also changes with `web@.service`. */
function isChanged(unit: string, changed: ReadonlySet<string>): boolean {
  return changed.has(unit) || changed.has(unit.replace(/@.*\./, "@."));
}
