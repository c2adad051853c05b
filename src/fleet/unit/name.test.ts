import { describe, expect, it } from "vitest";
import {
  isRecognisedUnitType,
  isTemplateName,
  mangleUnitName,
  unitNameInfo,
  validateUnitName,
} from "./name.ts";

describe("unitNameInfo", () => {
  const cases: [
    full: string,
    name: string,
    prefix: string,
    template: string | undefined,
    instance: string | undefined,
  ][] = [
    ["foo.service", "foo", "foo", undefined, undefined],
    ["foo@.service", "foo@", "foo", "foo@.service", undefined],
    ["foo@bar.service", "foo@bar", "foo", "foo@.service", "bar"],
    ["foo@bar@baz.service", "foo@bar@baz", "foo", "foo@.service", "bar@baz"],
    ["foo.1@2.service", "foo.1@2", "foo.1", "foo.1@.service", "2"],
    ["foo@bar.waldo", "foo@bar", "foo", "foo@.waldo", "bar"],
  ];
  it.each(cases)("takes %s apart", (full, name, prefix, template, instance) => {
    expect(unitNameInfo(full)).toMatchObject({ full, name, prefix, template, instance });
  });

  it.each(["foo", "bar@baz", ""])("does not take %j, which has no dot, for a unit's name", (name) => {
    expect(unitNameInfo(name)).toBeUndefined();
  });

  it("tells templates from their instances and from plain units", () => {
    expect(["foo@.service", "foo@1.service", "foo.service"].map(isTemplateName)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("mangleUnitName", () => {
  it.each([
    ["foo", "foo.service"],
    ["foo.service", "foo.service"],
    ["foo.1", "foo.1.service"],
    ["foo/bar.socket", "bar.socket"],
    ["/etc/units/foo@1", "foo@1.service"],
    ["x.target", "x.target.service"],
    ["", ""],
  ])("%j is %j", (argument, name) => {
    expect(mangleUnitName(argument)).toBe(name);
  });

  it("knows the types that clients and agents handle", () => {
    const types = ["service", "socket", "path", "timer", "mount", "automount", "device"];
    expect(types.every((type) => isRecognisedUnitType(`foo.${type}`))).toBe(true);
    const others = ["swap", "target", "snapshot", "network", "netdev", "link"];
    expect(others.some((type) => isRecognisedUnitType(`foo.${type}`))).toBe(false);
  });
});

describe("validateUnitName", () => {
  const templateTypes = ["path", "service", "socket", "target", "timer"];
  const good = [
    "foo.service",
    "foo@123.service",
    "foo@.service",
    "yo.yo.service",
    "hello@world.path",
    "hello:world.service",
    String.raw`yes@no\.service`,
    "foo-bar.mount",
    `${"a".repeat(248)}.service`,
    ...templateTypes.map((type) => `foo@1.${type}`),
  ];
  it.each(good)("accepts %s", (name) => {
    expect(validateUnitName(name)).toBeUndefined();
  });

  const bad: [name: string, problem: string][] = [
    ["", "unit name cannot be empty"],
    [`${"a".repeat(249)}.service`, "unit name exceeds maximum length (256)"],
    ["fooservice", 'unit name must contain "."'],
    ["bar@foo", 'unit name must contain "."'],
    ["foo.", 'unit name cannot end in "."'],
    ["foo.service.", 'unit name cannot end in "."'],
    ["foo.bar", 'invalid unit type: "bar"'],
    ["foo.servICE", 'invalid unit type: "servICE"'],
    ["foo%.service", "invalid character '%' in unit name"],
    ["foo$asd.service", "invalid character '$' in unit name"],
    ["yes/no.service", "invalid character '/' in unit name"],
    ["this+that.mount", "invalid character '+' in unit name"],
    ["dog=woof@.mount", 'invalid unit type for template: "mount"'],
    ["hé.service", "invalid character 'é' in unit name"],
    ["@foo.service", 'unit name cannot start in "@"'],
    ...["automount", "busname", "device", "mount", "scope", "slice", "snapshot", "swap"].map(
      (type): [string, string] => [`foo@1.${type}`, `invalid unit type for template: "${type}"`],
    ),
  ];
  it.each(bad)("refuses %s: %s", (name, problem) => {
    expect(validateUnitName(name)).toBe(problem);
  });
});
