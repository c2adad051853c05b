/** How long nothing may come of what is awaited before it is said what that is, ms. */
const stalledAfter = 3_000;

/** Finds out when units do not come any nearer to what they shall be. */
export interface Stall {
  /**
   * Takes note of one look. `standing` are the units that are still to come; gives those of them of which it is time to
   * say what they wait for, each only once.
   */
  look(seen: {
    readonly now: number;
    readonly news: boolean;
    readonly standing: readonly string[];
  }): readonly string[];
  /** Monotonic time (ms) when there would be something to say; Infinity when there is nothing more. */
  readonly due: number;
}

/** @param started monotonic time, ms */
export function createStall(started: number): Stall {
  const told = new Set<string>();
  let lastNews = started;
  let due = Infinity;
  return {
    look: ({ now, news, standing }) => {
      if (news) lastNews = now;
      const untold = standing.filter((name) => !told.has(name));
      const isStalled = now >= lastNews + stalledAfter;
      due = untold.length === 0 || isStalled ? Infinity : lastNews + stalledAfter;
      if (!isStalled) return [];
      for (const name of untold) told.add(name);
      return untold;
    },
    get due() {
      return due;
    },
  };
}
