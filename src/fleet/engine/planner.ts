import type { Snapshot, Unit } from "../model.ts";
import { type Schedule, schedule } from "../schedule/schedule.ts";
import { type Requirements, requirementsOf } from "../unit/requirements.ts";

/** Plans only when something that a plan depends on has changed. */
export interface Planner {
  /** No decisions while the last plan still holds. */
  plan(snapshot: Snapshot, gone: ReadonlySet<string>): Schedule;
  /** The last plan was carried out, or was tried to be: plan anew. */
  forget(): void;
}

interface Last {
  readonly snapshot: Snapshot;
  readonly gone: ReadonlySet<string>;
  readonly result: Schedule;
}

export function createPlanner(): Planner {
  const read = new WeakMap<Unit, Requirements>();
  const remembered = (unit: Unit): Requirements => {
    const requirements = read.get(unit) ?? requirementsOf(unit);
    read.set(unit, requirements);
    return requirements;
  };
  let last: Last | undefined;
  return {
    plan: (snapshot, gone) => {
      if (last !== undefined && holds(last, snapshot, gone))
        return { decisions: [], waiting: last.result.waiting };
      const result = schedule({ snapshot, gone, requirementsOf: remembered });
      last = { snapshot, gone, result };
      return result;
    },
    forget: () => {
      last = undefined;
    },
  };
}

/** Snapshots share what did not change. Published states matter only to units that wait for a machine to let go. */
function holds({ snapshot: then, gone, result }: Last, now: Snapshot, goneNow: ReadonlySet<string>): boolean {
  return (
    then.machines === now.machines &&
    then.units === now.units &&
    then.placements === now.placements &&
    then.refusals === now.refusals &&
    then.cordons === now.cordons &&
    (then.states === now.states || result.waiting.length === 0) &&
    gone.size === goneNow.size &&
    [...gone].every((id) => goneNow.has(id))
  );
}
