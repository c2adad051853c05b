import type { Machine } from "../model.ts";
import type { Candidate } from "./roster.ts";

/** What one machine has and will have, as the plan stands. */
export interface View {
  readonly machine: Machine;
  /** Somebody asked that no units be here but global ones. */
  readonly cordoned: boolean;
  /** Units that are placed here. */
  readonly units: Map<string, Candidate>;
  readonly globals: readonly Candidate[];
  /** Units that belong here no longer but have not been seen to be gone. */
  readonly lingering: Map<string, Candidate>;
}

/** How many units the machine has to run. */
export function loadOf(view: View): number {
  return view.units.size + view.globals.length;
}

/**
 * Machines, the least loaded first, then the one that joined first, then by id; kept in that order while units are placed.
 */
export interface LoadOrder {
  readonly views: readonly View[];
  /** Carries out a change of one view, and puts it where it now belongs. */
  change(view: View, change: () => void): void;
}

export function loadOrder(unordered: Iterable<View>): LoadOrder {
  const comesBefore = (a: View, b: View): number =>
    loadOf(a) - loadOf(b) ||
    a.machine.joined - b.machine.joined ||
    (a.machine.id < b.machine.id ? -1 : Number(a !== b));
  const views = [...unordered].sort(comesBefore);
  const find = (view: View): number => {
    let [low, high] = [0, views.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = views[middle];
      if (there !== undefined && comesBefore(there, view) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    views,
    change: (view, change) => {
      views.splice(find(view), 1);
      change();
      views.splice(find(view), 0, view);
    },
  };
}
