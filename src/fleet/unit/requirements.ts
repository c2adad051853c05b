import type { Unit, UnitOption } from "../model.ts";
import { trimSpace } from "./space.ts";
import { expandSpecifiers } from "./specifiers.ts";

/** What a unit's [X-Fleet] section asks of the machine that runs it. */
export interface Requirements {
  /** A machine's full id or its first 8 characters. */
  readonly machineID: string | undefined;
  /** Units (exact names) that must be on the same machine. */
  readonly peers: readonly string[];
  /** For each key the values of which the machine must have one. */
  readonly metadata: ReadonlyMap<string, ReadonlySet<string>>;
  /** Globs of units that must not be on the same machine. */
  readonly conflicts: readonly string[];
  /** Globs of units that go elsewhere when this one is placed on their machine. */
  readonly replaces: readonly string[];
  /** Runs on every machine that has the metadata and no conflict. */
  readonly global: boolean;
}

/** Each requirement with the names that it has had, the present one last. */
const aliases = {
  machineID: ["X-ConditionMachineBootID", "X-ConditionMachineID", "MachineID"],
  peers: ["X-ConditionMachineOf", "MachineOf"],
  metadata: ["X-ConditionMachineMetadata", "MachineMetadata"],
  conflicts: ["X-Conflicts", "Conflicts"],
  replaces: ["Replaces"],
  global: ["Global"],
} as const;

/** The names of all options of [X-Fleet], the older ones too. */
export const requirementNames: readonly string[] = Object.values(aliases).flat();
const knownKeys: ReadonlySet<string> = new Set(requirementNames);

/** Reads the section, with the specifiers filled in from the unit's name. */
export function requirementsOf(unit: Pick<Unit, "name" | "options">): Requirements {
  const lists = new Map<string, string[]>();
  for (const { section, name, value } of unit.options) {
    if (section !== "X-Fleet") continue;
    const values = parseMultivalueLine(value).map((one) => expandSpecifiers(one, unit.name));
    lists.set(name, [...(lists.get(name) ?? []), ...values]);
  }
  const all = (keys: readonly string[]): string[] => keys.flatMap((key) => lists.get(key) ?? []);
  const newestKey = aliases.machineID.findLast((key) => lists.has(key));
  return {
    machineID: newestKey === undefined ? undefined : lists.get(newestKey)?.[0],
    peers: all(aliases.peers).filter((peer) => peer !== ""),
    metadata: metadataOf(all(aliases.metadata)),
    conflicts: all(aliases.conflicts).flatMap(fields),
    replaces: all(aliases.replaces).filter((glob) => glob !== ""),
    global: isTruthy(all(aliases.global).at(-1) ?? ""),
  };
}

/** The keys of [X-Fleet] that mean nothing to fleet, each once, in order. Case matters. */
export function unrecognisedRequirements(options: readonly UnitOption[]): string[] {
  const keys = options.filter(({ section }) => section === "X-Fleet").map(({ name }) => name);
  return [...new Set(keys)].filter((key) => !knownKeys.has(key));
}

/** What MachineMetadata asks for in a way that cannot be meant, a sentence each: there are no operators but `=`. */
export function oddMetadata({ name, options }: Pick<Unit, "name" | "options">): string[] {
  const names: readonly string[] = aliases.metadata;
  const lines = options.filter((option) => option.section === "X-Fleet" && names.includes(option.name));
  const pairs = lines.flatMap(({ value }) => parseMultivalueLine(value));
  return pairs.flatMap((pair) => {
    const [key] = metadataOf([expandSpecifiers(pair, name)]).keys();
    if (key === undefined) {
      return pair === "" ? [] : [`"${pair}" is passed over, since it is no key=value`];
    }
    return /[!<>]$/.test(key) ? [`"${pair}" asks for a key "${key}", since = is the only operator`] : [];
  });
}

/** Whether the unit runs on every machine rather than on one. */
export function isGlobal(unit: Pick<Unit, "name" | "options">): boolean {
  return requirementsOf(unit).global;
}

/** Whether fleet takes the word for a yes. */
export function isTruthy(value: string): boolean {
  return ["true", "yes", "1", "on", "t"].includes(value.toLowerCase());
}

/**
 * Splits a value that is quoted at both ends: quotes toggle, blanks outside of them separate, and quotes are dropped.
 * Any other value is one, whole.
 */
export function parseMultivalueLine(line: string): string[] {
  if (line.length < 2 || !line.startsWith('"') || !line.endsWith('"')) return [line];
  const values: string[] = [];
  let current = "";
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    else if (character !== " " || quoted) current += character;
    else {
      values.push(current);
      current = "";
    }
  }
  return [...values, current];
}

function fields(text: string): string[] {
  return trimSpace(text)
    .split(/\s+/)
    .filter((field) => field !== "");
}

/** Pairs that are not exactly `key=value` are passed over, as fleet did. */
function metadataOf(pairs: readonly string[]): Map<string, Set<string>> {
  const required = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const [key = "", value = "", ...more] = pair.split("=");
    if (key === "" || value === "" || more.length > 0) continue;
    required.set(key, (required.get(key) ?? new Set()).add(value));
  }
  return required;
}
