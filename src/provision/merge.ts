/**
 * The user's cloud-config upon ours: lists are appended, maps are merged key by key, and of two single values the
 * user's wins. Our keys keep their order, new ones follow.
 */
export function mergeCloudConfig(ours: unknown, theirs: unknown): unknown {
  if (theirs === undefined) return ours;
  if (Array.isArray(ours) && Array.isArray(theirs)) return [...(ours as unknown[]), ...(theirs as unknown[])];
  if (!isMap(ours) || !isMap(theirs)) return theirs;
  const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return Object.fromEntries([...keys].map((key) => [key, mergeCloudConfig(ours[key], theirs[key])]));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
