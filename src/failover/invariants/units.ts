import { requirementsOf, type Requirements } from "../../fleet/unit/requirements.ts";
import { expandSpecifiers } from "../../fleet/unit/specifiers.ts";
import type { Facts } from "./facts.ts";

/** What the registry last said of a unit. */
export interface UnitRecord extends Requirements {
  readonly desired: string;
  /** The names of the containers that its commands run. */
  readonly containers: readonly string[];
}

/** Each unit that was ever in the registry, with its last unit file. */
export function unitRecords(facts: Facts): ReadonlyMap<string, UnitRecord> {
  const records = new Map<string, UnitRecord>();
  for (const event of facts.events) {
    if (event.kind !== "registry" || event.record.type !== "unit") continue;
    const { unit, desired, options } = event.record;
    if (desired !== undefined) records.set(unit, recordOf(unit, desired, options));
  }
  return records;
}

function recordOf(unit: string, desired: string, lines: readonly string[]): UnitRecord {
  const options = lines.flatMap((line) => {
    const [, section = "", name = "", value = ""] = /^([^/]*)\/([^=]*)=([\s\S]*)$/.exec(line) ?? [];
    return section === "" ? [] : [{ section, name, value }];
  });
  const containers = options
    .filter(({ name }) => name === "ExecStart")
    .flatMap(({ value }) => [...value.matchAll(/docker run\b.*?--name[= ]("?)([^\s"]+)\1/g)])
    .map((match) => expandSpecifiers(match[2] ?? "", unit));
  return { ...requirementsOf({ name: unit, options }), desired, containers };
}
