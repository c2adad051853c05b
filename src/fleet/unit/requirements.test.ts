import { describe, expect, it } from "vitest";
import type { UnitOption } from "../model.ts";
import { parseUnitFile } from "./parse.ts";
import {
  isTruthy,
  oddMetadata,
  parseMultivalueLine,
  type Requirements,
  requirementsOf,
  unrecognisedRequirements,
} from "./requirements.ts";

function options(lines: string): readonly UnitOption[] {
  const parsed = parseUnitFile(`[X-Fleet]\n${lines}`);
  return parsed.ok ? parsed.options : [];
}

function requirements(lines: string, name = "foo.service"): Requirements {
  return requirementsOf({ name, options: options(lines) });
}

describe("MachineID", () => {
  it.each([
    ["is not required by default", "", undefined],
    ["is what the line says", "MachineID=123", "123"],
    ["is the first of several", 'MachineID="123" "456"', "123"],
    ["is the first of several lines", "MachineID=123\nMachineID=456", "123"],
    ["may have its old name", "X-ConditionMachineID=123", "123"],
    ["may have its oldest name", "X-ConditionMachineBootID=123", "123"],
    [
      "goes by the newest name, whatever the order",
      "MachineID=1\nX-ConditionMachineID=2\nX-ConditionMachineBootID=3",
      "1",
    ],
    [
      "goes by the newest name, also when it comes last",
      "X-ConditionMachineBootID=3\nX-ConditionMachineID=2",
      "2",
    ],
  ])("%s", (_, lines, expected) => {
    expect(requirements(lines).machineID).toBe(expected);
  });
});

describe("MachineOf", () => {
  it.each([
    ["one peer", "MachineOf=foo.service", ["foo.service"]],
    ["two quoted peers on a line", 'MachineOf="foo.service" "bar.service"', ["foo.service", "bar.service"]],
    ["two lines", "MachineOf=a.service\nMachineOf=b.service", ["a.service", "b.service"]],
    ["the old name first", "MachineOf=a.service\nX-ConditionMachineOf=b.service", ["b.service", "a.service"]],
    ["no peer in an empty line", "MachineOf=", []],
    ["blanks do not split an unquoted line", "MachineOf=a.service b.service", ["a.service b.service"]],
  ])("%s", (_, lines, expected) => {
    expect(requirements(lines).peers).toEqual(expected);
  });

  it("has its specifiers filled in from the unit's name", () => {
    expect(requirements("MachineOf=hello@%i.service", "web@4.service").peers).toEqual(["hello@4.service"]);
  });
});

describe("Conflicts and Replaces", () => {
  it.each([
    ["one glob", "Conflicts=*bar*", ["*bar*"]],
    ["globs separated by blanks", "Conflicts=*bar* *foo*", ["*bar*", "*foo*"]],
    ["two lines", "Conflicts=*bar*\nConflicts=*foo*", ["*bar*", "*foo*"]],
    ["quoted globs", 'Conflicts="a b" "c"', ["a", "b", "c"]],
    ["the old name", "X-Conflicts=a\nConflicts=b", ["a", "b"]],
  ])("Conflicts: %s", (_, lines, expected) => {
    expect(requirements(lines).conflicts).toEqual(expected);
  });

  it("does not split Replaces at blanks", () => {
    expect(requirements("Replaces=a b\nReplaces=c").replaces).toEqual(["a b", "c"]);
  });
});

describe("MachineMetadata", () => {
  it.each([
    ["one pair", "MachineMetadata=foo=bar", { foo: ["bar"] }],
    ["several values of a key on a line", 'MachineMetadata="foo=bar" "foo=baz"', { foo: ["bar", "baz"] }],
    [
      "several lines",
      "MachineMetadata=foo=bar\nMachineMetadata=foo=baz\nMachineMetadata=a=b",
      { a: ["b"], foo: ["bar", "baz"] },
    ],
    [
      "the old name too",
      "X-ConditionMachineMetadata=foo=bar\nMachineMetadata=foo=asdf",
      { foo: ["bar", "asdf"] },
    ],
    ["no value", "MachineMetadata=foo=", {}],
    ["no key", "MachineMetadata==asdf", {}],
    ["too many equals signs", "MachineMetadata=foo=asdf=WHAT", {}],
  ])("%s", (_, lines, expected) => {
    const found = [...requirements(lines).metadata].map(([key, values]) => [key, [...values]]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });
});

describe("MachineMetadata that cannot be meant", () => {
  it.each([
    ["region!=us", ['"region!=us" asks for a key "region!", since = is the only operator']],
    ['"cores>=4" "cores<=8"', ["cores>", "cores<"]],
    ["cores>4", ['"cores>4" is passed over, since it is no key=value']],
    ["disk==ssd", ['"disk==ssd" is passed over']],
    ["disk=", ["is passed over"]],
    ["", []],
    ["disk=ssd>", []],
    ['"region=eu" "region=us"', []],
  ])("%j", (value, expected) => {
    const found = oddMetadata({ name: "a.service", options: options(`MachineMetadata=${value}`) });
    expect(found).toEqual(expected.map((part) => expect.stringContaining(part) as unknown));
  });
});

describe("Global", () => {
  it.each([
    "Global=true",
    "Global=True",
    "Global=Yes",
    "Global=On",
    "Global=1",
    "Global=t",
    "Global=no\nGlobal=yes",
  ])("is set by %j", (lines) => {
    expect(requirements(lines).global).toBe(true);
  });

  it.each([
    "",
    "Global=false",
    "Global=what",
    "Global=12",
    "X-Global=true",
    "X-ConditionGlobal=true",
    "Global=yes\nGlobal=no",
  ])("is not set by %j", (lines) => {
    expect(requirements(lines).global).toBe(false);
  });

  it("counts in its own section only", () => {
    const unit = { name: "foo.service", options: [{ section: "Unit", name: "Global", value: "true" }] };
    expect(requirementsOf(unit).global).toBe(false);
  });

  it.each(["", "false", "no", "0", "off", "f"])("%j is no yes", (word) => {
    expect(isTruthy(word)).toBe(false);
  });
});

describe("parseMultivalueLine", () => {
  it.each([
    ['"bar" "ping" "pong"', ["bar", "ping", "pong"]],
    ['"bar"', ["bar"]],
    ["", [""]],
    ['""', [""]],
    ['"', ['"']],
    ['"bar', ['"bar']],
    ['bar"', ['bar"']],
    [String.raw`foo\"bar`, [String.raw`foo\"bar`]],
    ['"bar" "', ["bar", ""]],
    [String.raw`"foo\"bar"`, [String.raw`foo\bar`]],
  ])("splits %s", (line, expected) => {
    expect(parseMultivalueLine(line)).toEqual(expected);
  });
});

describe("unrecognisedRequirements", () => {
  const known = [
    "MachineID",
    "X-ConditionMachineID",
    "X-ConditionMachineBootID",
    "X-ConditionMachineOf",
    "MachineOf",
    "X-Conflicts",
    "Conflicts",
    "X-ConditionMachineMetadata",
    "MachineMetadata",
    "Global",
    "Replaces",
  ];
  it.each(known)("knows %s", (key) => {
    expect(unrecognisedRequirements(options(`${key}=x`))).toEqual([]);
  });

  const unknown = [
    "X-ConditionConflicts",
    "X-Peers",
    "Machineof",
    "X-Global",
    "global",
    "X-ConditionMachineId",
    "MachineId",
    "X-MachineMetadata",
    "X-ConditionMetadata",
  ];
  it.each(unknown)("does not know %s", (key) => {
    expect(unrecognisedRequirements(options(`${key}=x\n${key}=y`))).toEqual([key]);
  });
});
