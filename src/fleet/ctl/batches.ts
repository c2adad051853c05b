/** How many requests are under way at once. */
const width = 100;

/** Does the work for each item, several at a time, and gives the results in the items' order. The first error ends it. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.entries();
  let failed = false;
  const takeTurns = async (): Promise<void> => {
    for (const [at, item] of left) {
      if (failed) return;
      results[at] = await work(item);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, takeTurns));
  } catch (error) {
    failed = true;
    throw error;
  }
  return results;
}
