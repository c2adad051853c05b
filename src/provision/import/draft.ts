/** A cluster.yaml in the making, and what could not become part of it. */
export interface Draft {
  /** cluster.yaml as plain data; sections that are empty are left out when it is written. */
  readonly file: Record<string, unknown>;
  /** One line each, for the user: what was left out, and what to do instead. */
  readonly notes: string[];
}

/** Sets a value in a section of the file. */
export function setIn(draft: Draft, section: string, key: string, value: unknown): void {
  const known = draft.file[section];
  const map = isMap(known) ? known : {};
  map[key] = value;
  draft.file[section] = map;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
