/** The values in the order of their keys. */
export function byKey<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/**
 * A `byKey` that sorts each map once. Only for maps that never change, as the parts of snapshots: a listing of many pages
 * asks for the same one again and again.
 */
export function createSorter(): <T>(map: ReadonlyMap<string, T>) => readonly T[] {
  const known = new WeakMap<object, readonly unknown[]>();
  return <T>(map: ReadonlyMap<string, T>): readonly T[] => {
    const sorted = (known.get(map) as readonly T[] | undefined) ?? byKey(map);
    known.set(map, sorted);
    return sorted;
  };
}
