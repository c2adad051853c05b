import { type DropIn, type Unit, type UnitCommand, unitCommands } from "./model.ts";
import { type Placed, problemAt } from "./place.ts";
import type { Raw, Reader } from "./reader.ts";
import { dropInFields, unitFields } from "./schema.ts";

const unitName =
  /^[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope|network|netdev|link)$/;

/** One entry of `coreos.units`; none when its name is missing or wrong. */
export function parseUnit(reader: Reader, raw: Raw): readonly Unit[] {
  const found = reader.map(raw, unitFields);
  const name = reader.text(found.get("name")) ?? "";
  if (name === "") {
    reader.problems.push(problemAt(raw.place, "a unit needs a name: without one it would be left out"));
    return [];
  }
  if (!unitName.test(name)) {
    const place = found.get("name")?.place ?? raw.place;
    reader.problems.push(problemAt(place, `${JSON.stringify(name)} is not a unit name`));
    return [];
  }
  const content = reader.text(found.get("content"));
  return [
    {
      place: raw.place,
      name,
      mask: reader.flag(found.get("mask")),
      enable: reader.flag(found.get("enable")),
      runtime: reader.flag(found.get("runtime")),
      content: content === "" ? undefined : content,
      command: parseCommand(reader, found.get("command")),
      dropIns: reader.list(found.get("drop_ins")).flatMap((item) => parseDropIn(reader, item)),
    },
  ];
}

/** Whether a unit is one of systemd-networkd's files, which have no commands. */
export function isNetworkFile(name: string): boolean {
  return /\.(network|netdev|link)$/.test(name);
}

function parseCommand(reader: Reader, raw: Raw | undefined): Placed<UnitCommand> | undefined {
  const text = reader.text(raw);
  if (raw === undefined || text === undefined || text === "") return undefined;
  const value = unitCommands.find((command) => command === text);
  if (value !== undefined) return { value, place: raw.place };
  reader.problems.push(
    problemAt(raw.place, `${JSON.stringify(text)} is not one of ${unitCommands.join(", ")}`),
  );
  return undefined;
}

function parseDropIn(reader: Reader, raw: Raw): readonly DropIn[] {
  const found = reader.map(raw, dropInFields);
  const name = reader.text(found.get("name")) ?? "";
  const content = reader.text(found.get("content")) ?? "";
  const complain = (key: string, message: string): readonly DropIn[] => {
    reader.problems.push(problemAt(found.get(key)?.place ?? raw.place, message));
    return [];
  };
  if (name === "" || content === "") return complain("name", "a drop-in needs a name and a content");
  if (!/^[^/\0]+\.conf$/.test(name)) {
    return complain("name", `${JSON.stringify(name)} must end in .conf, or systemd would not read it`);
  }
  return [{ place: raw.place, name, content }];
}
