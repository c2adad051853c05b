import type { DesiredState, Machine, Snapshot, Unit, UnitState } from "../model.ts";
import { isGlobal } from "../unit/requirements.ts";

/** A JSON object whose keys stay in this order. Empty texts, lists and objects are left out, as fleet did. */
type Shown = Record<string, unknown>;

/** A machine as fleet's API writes it. */
export function showMachine({ id, metadata, publicIP }: Machine): Shown {
  return dropEmpty({ id, metadata: sortKeys(metadata), primaryIP: publicIP });
}

/**
 * A unit as fleet's API writes it, and one key of ours that other clients ignore: `refusal`
 * (`{"reasons":[{"machineID","why"}],"summary"}`), which says why a wanted unit runs nowhere.
 */
export function showUnit(unit: Unit, snapshot: Snapshot): Shown {
  const machineID = isGlobal(unit) ? undefined : snapshot.placements.get(unit.name)?.machineID;
  const refusal = machineID === undefined ? snapshot.refusals.get(unit.name) : undefined;
  return dropEmpty({
    currentState: currentState(unit, snapshot),
    desiredState: unit.desired,
    machineID,
    name: unit.name,
    options: unit.options.map(({ name, section, value }) => dropEmpty({ name, section, value })),
    refusal:
      refusal === undefined || unit.desired === "inactive"
        ? undefined
        : {
            reasons: refusal.reasons.map(({ machineID, why }) => ({ machineID, why })),
            summary: refusal.summary,
            unlisted: refusal.unlisted,
          },
  });
}

/** What systemd says of a unit on one machine, as fleet's API writes it. */
export function showState({ unit, machineID, hash, load, active, sub }: UnitState): Shown {
  return dropEmpty({
    hash,
    machineID,
    name: unit,
    systemdActiveState: active,
    systemdLoadState: load,
    systemdSubState: sub,
  });
}

/**
 * Fleet's current state of a unit: how far the agent of the machine that it is placed on has brought it. `launched`
 * means that systemd has begun its start, never that it runs. A global unit has none.
 */
export function currentState(unit: Unit, snapshot: Snapshot): DesiredState | undefined {
  if (isGlobal(unit)) return undefined;
  const placement = snapshot.placements.get(unit.name);
  if (placement === undefined) return "inactive";
  return snapshot.states.get(unit.name)?.get(placement.machineID)?.reached ?? "inactive";
}

function dropEmpty(value: Shown): Shown {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => !isEmpty(part)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "") return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function sortKeys(record: Readonly<Record<string, string>>): Shown {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
