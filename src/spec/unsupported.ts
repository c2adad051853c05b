import type { Finding, Path } from "./problem.ts";

/**
 * Keys and values that have a meaning, but whose effect this version cannot deliver. They are refused by name: ignoring
 * them would be worse, and calling them unknown would be wrong.
 */
const later: readonly {
  readonly path: Path;
  readonly when: (value: unknown) => boolean;
  readonly hint: string;
}[] = [{ path: ["provider"], when: oneOf("ssh"), hint: "use nspawn (Linux), virtualbox, libvirt or auto" }];

/** One finding for each such key or value in the raw document. */
export function findUnsupported(value: unknown): Finding[] {
  return later
    .filter(({ path, when }) => when(valueAt(value, path)))
    .map(({ path, hint }) => ({
      path,
      message: `${shown(path, valueAt(value, path))} is not supported yet`,
      hint,
    }));
}

/** What stands at `path`; undefined when nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}

function oneOf(...values: string[]): (value: unknown) => boolean {
  return (value) => typeof value === "string" && values.includes(value);
}

function shown(path: Path, value: unknown): string {
  if (typeof value === "boolean") return `"${String(path.at(-1))}: ${String(value)}"`;
  return `"${typeof value === "string" ? value : String(path.at(-1))}"`;
}
