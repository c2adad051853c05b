import { isGlobal } from "../unit/requirements.ts";
import { hashUnit } from "../unit/serialize.ts";
import type { DesiredState } from "../model.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { putUnit, type Resolved } from "./resolve.ts";
import { waitForUnits, waitLimit } from "./wait.ts";

/** The hash of each unit's new version, by name. */
export function newVersions(units: readonly Resolved[]): ReadonlyMap<string, string> {
  return new Map(
    units.flatMap(({ unit, replacement }): [string, string][] =>
      replacement === undefined ? [] : [[unit.name, hashUnit(replacement)]],
    ),
  );
}

/**
 * The units that run and have a new version, when there are several: those that are replaced one after the other, so
 * that a version that does not run stops only one of them.
 */
export function toRoll(units: readonly Resolved[]): readonly Resolved[] {
  const running = units.filter(
    ({ unit, replacement }) =>
      replacement !== undefined && !isGlobal(unit) && unit.desiredState === "launched",
  );
  return running.length > 1 ? running : [];
}

/**
 * Puts the new versions into the registry, all at once. Machines replace in place; a unit moves only when the machine
 * does not fit the new version.
 */
export async function replaceUnits(
  call: Call,
  units: readonly Resolved[],
  desired: DesiredState,
): Promise<void> {
  const fleet = await call.fleet();
  await inBatches(units, async ({ unit: { name }, replacement }) => {
    if (replacement !== undefined) await putUnit(fleet, { name, options: replacement, desired });
  });
}

/** Replaces running units one after the other, each seen to run before the next is touched; gives what does not run. */
export async function rollUnits(call: Call, units: readonly Resolved[]): Promise<readonly string[]> {
  for (const [at, next] of units.entries()) {
    const lost = await rollOne(call, next);
    if (lost.length === 0) continue;
    const left = units.slice(at + 1).map(({ unit }) => unit.name);
    if (left.length > 0) call.err(`Not replaced, since ${lost.join(", ")} does not run: ${left.join(", ")}`);
    return [...lost, ...left];
  }
  return [];
}

async function rollOne(call: Call, next: Resolved): Promise<readonly string[]> {
  const names = [next.unit.name];
  try {
    await replaceUnits(call, [next], "launched");
    const versions = newVersions([next]);
    return await waitForUnits(call, {
      names,
      state: "launched",
      systemd: "active",
      within: waitLimit(call),
      versions,
    });
  } catch (error) {
    complain(call, "Error starting units", error);
    return names;
  }
}
