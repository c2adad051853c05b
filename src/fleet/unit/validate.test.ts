import { describe, expect, it } from "vitest";
import type { UnitOption } from "../model.ts";
import { validateOptions } from "./validate.ts";

function options(...lines: string[]): UnitOption[] {
  return lines.map((line) => {
    const equals = line.indexOf("=");
    return { section: "X-Fleet", name: line.slice(0, equals), value: line.slice(equals + 1) };
  });
}

describe("validateOptions", () => {
  it.each([
    ["nothing at all", []],
    ["conflicts", ["Conflicts=foo.service", "Conflicts=bar.service"]],
    ["a conflict and another peer", ["Conflicts=foo.service", "MachineOf=bar.service"]],
    ["a conflict glob and a peer outside of it", ["Conflicts=b*e", "MachineOf=foo.service"]],
    ["replaces", ["Replaces=foo.service", "Replaces=bar.service"]],
    ["a replace and another peer", ["Replaces=foo.service", "MachineOf=bar.service"]],
    ["a machine id alone", ["MachineID=123"]],
    ["global alone", ["Global=true"]],
    ["global with conflicts", ["Global=true", "Conflicts=foo.service"]],
    ["metadata with a machine id", ["MachineMetadata=a=b", "MachineID=123"]],
    ["a value over several lines", ["Foo=a \\\n b"]],
  ])("accepts %s", (_, lines) => {
    expect(validateOptions(options(...lines))).toBeUndefined();
  });

  it.each([
    [
      ["MachineOf=foo.service", "Conflicts=foo.service"],
      'unresolvable requirements: peer "foo.service" matches conflict "foo.service"',
    ],
    [
      ["MachineOf=bar.service", "Conflicts=b*e"],
      'unresolvable requirements: peer "bar.service" matches conflict "b*e"',
    ],
    [
      ["MachineOf=baz.service", "Conflicts=b*e"],
      'unresolvable requirements: peer "baz.service" matches conflict "b*e"',
    ],
    [
      ["MachineOf=foo.service", "Replaces=foo.*"],
      'unresolvable requirements: peer "foo.service" matches replace "foo.*"',
    ],
    [["Replaces=a.service", "Conflicts=b.service"], "Conflicts cannot be used with Replaces"],
    [["MachineID=1", "MachineOf=a.service"], "MachineID cannot be used with Peers"],
    [["MachineID=1", "Conflicts=a.service"], "MachineID cannot be used with Conflicts"],
    [["MachineID=1", "Replaces=a.service"], "MachineID cannot be used with Replaces"],
    [["MachineID=1", "Global=true"], "MachineID cannot be used with Global"],
    [["Global=true", "MachineOf=a.service"], "Global cannot be used with Peers"],
    [["Global=true", "Replaces=a.service"], "Global cannot be used with Replaces"],
  ])("refuses %j: %s", (lines, problem) => {
    expect(validateOptions(options(...lines))).toBe(problem);
  });

  it.each([
    [
      "a line feed that would start another option",
      [{ section: "Service", name: "Type", value: "simple\nExecStart=/bin/x" }],
    ],
    [
      "a line feed that would start another section",
      [{ section: "Service", name: "Type", value: "simple\n[Install]" }],
    ],
    ["a backslash that would swallow the next option", options("A=x\\", "B=y")],
    ["a name that is a comment", options("#A=x")],
    ["a NUL, at which systemd stops reading", options("A=x\0y")],
    ["half of a character", options("A=\ud800")],
    ["a name with an equals sign", [{ section: "S", name: "A=b", value: "c" }]],
  ])("refuses %s", (_, hostile) => {
    expect(validateOptions(hostile)).toMatch(/cannot be written to a unit file|unexpected|garbage/);
  });
});
