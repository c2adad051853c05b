/**
 * Joins calls that cost the same for one item as for many: what comes in the same breath, or while one is under way, goes
 * along in the next.
 * `run` gives the results in the items' order. When a call for many fails, each of them is tried alone, so that nobody
 * pays for another's mistake.
 */
export function createBatch<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    readonly done: PromiseWithResolvers<Result>;
  }
  let waiting: Waiting[] = [];
  let busy = false;

  const settle = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [at, { done }] of batch.entries()) done.resolve(results[at] as Result);
    } catch (error) {
      if (batch.length === 1) batch[0]?.done.reject(error);
      else for (const one of batch) await settle([one]);
    }
  };
  const work = async (): Promise<void> => {
    busy = true;
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await settle(batch);
    }
    busy = false;
  };
  return (item) => {
    const done = Promise.withResolvers<Result>();
    waiting.push({ item, done });
    if (!busy) void work();
    return done.promise;
  };
}
