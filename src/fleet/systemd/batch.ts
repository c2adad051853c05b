/**
 * Joins calls that cost the same for one item as for many: what comes while one is under way goes along in the next.
 * When a call for many fails, each of them is tried alone, so that nobody pays for another's mistake.
 */
export function createBatch(
  run: (items: readonly string[]) => Promise<void>,
): (item: string) => Promise<void> {
  interface Waiting {
    readonly item: string;
    readonly done: PromiseWithResolvers<void>;
  }
  let waiting: Waiting[] = [];
  let busy = false;

  const settle = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await run(batch.map(({ item }) => item));
      for (const { done } of batch) done.resolve();
    } catch (error) {
      if (batch.length === 1) batch[0]?.done.reject(error);
      else for (const one of batch) await settle([one]);
    }
  };
  const work = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await settle(batch);
    }
    busy = false;
  };
  return (item) => {
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    if (!busy) void work();
    return done.promise;
  };
}
