import type { UnitOption } from "../model.ts";
import { matchGlob } from "./glob.ts";
import { parseUnitFile } from "./parse.ts";
import { type Requirements, requirementsOf } from "./requirements.ts";
import { serializeUnit } from "./serialize.ts";
import { trimSpace } from "./space.ts";

/**
 * What is wrong with a unit's options, in fleet's words; undefined when nothing is. Specifiers are not filled in: the
 * options of a template are checked once for all of its instances.
 */
export function validateOptions(options: readonly UnitOption[]): string | undefined {
  return writingProblem(options) ?? requirementsProblem(requirementsOf({ name: "", options }));
}

/** Options must read back as they were written: a line feed in a value would otherwise smuggle in further options. */
function writingProblem(options: readonly UnitOption[]): string | undefined {
  const unreadable = options.find(({ section, name, value }) => !isPlainText(`${section}${name}${value}`));
  if (unreadable !== undefined) return cannotBeWritten(unreadable);
  const parsed = parseUnitFile(serializeUnit(options));
  if (!parsed.ok) return parsed.problem.message;
  const bySection = Map.groupBy(options, ({ section }) => section);
  const written = [...bySection.values()].flat();
  const changed = written.find((option, index) => !isSame(option, parsed.options[index]));
  if (changed === undefined && written.length === parsed.options.length) return undefined;
  return cannotBeWritten(changed);
}

/** systemd reads a line only up to a NUL, and half of a character is lost on the way to the disk. */
const isPlainText = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

const cannotBeWritten = (option: UnitOption | undefined): string =>
  `option "${option?.name ?? ""}" of section "${option?.section ?? ""}" cannot be written to a unit file`;

function isSame(written: UnitOption, read: UnitOption | undefined): boolean {
  if (read === undefined) return false;
  return (
    written.section === read.section &&
    trimSpace(written.name) === read.name &&
    trimSpace(written.value) === trimSpace(read.value)
  );
}

function requirementsProblem(requirements: Requirements): string | undefined {
  const { machineID, peers, conflicts, replaces, global } = requirements;
  const pairs = [
    ...conflicts.map((glob) => ({ glob, what: "conflict" })),
    ...replaces.map((glob) => ({ glob, what: "replace" })),
  ];
  for (const { glob, what } of pairs) {
    const peer = peers.find((name) => matchGlob(glob, name));
    if (peer !== undefined) return `unresolvable requirements: peer "${peer}" matches ${what} "${glob}"`;
  }
  const present: Record<string, boolean> = {
    MachineID: machineID !== undefined,
    Peers: peers.length > 0,
    Conflicts: conflicts.length > 0,
    Global: global,
    Replaces: replaces.length > 0,
  };
  const clash = exclusive.find(([one, other]) => present[one] === true && present[other] === true);
  return clash === undefined ? undefined : `${clash[0]} cannot be used with ${clash[1]}`;
}

/** Requirements that cannot stand together, in the order in which fleet looks for them. */
const exclusive: readonly (readonly [string, string])[] = [
  ["MachineID", "Peers"],
  ["MachineID", "Conflicts"],
  ["MachineID", "Global"],
  ["MachineID", "Replaces"],
  ["Global", "Peers"],
  ["Global", "Replaces"],
  ["Conflicts", "Replaces"],
];
