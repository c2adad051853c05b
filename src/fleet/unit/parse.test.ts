import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UnitOption } from "../model.ts";
import { maxLineBytes, parseUnitFile } from "./parse.ts";
import { serializeUnit } from "./serialize.ts";

function options(text: string): readonly UnitOption[] {
  const parsed = parseUnitFile(text);
  if (!parsed.ok) throw new Error(`line ${parsed.problem.line}: ${parsed.problem.message}`);
  return parsed.options;
}

function pairs(text: string): string[] {
  return options(text).map(({ section, name, value }) => `${section}/${name}=${value}`);
}

/** Texts made of the pieces that mean something to a unit file, and of anything else. */
const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "[",
        "]",
        "[A]",
        "[B]\n",
        "=",
        "\\",
        "\\\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "#",
        ";",
        "name=",
        "x",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(""));

describe("parseUnitFile", () => {
  const cases: [what: string, text: string, expected: string[]][] = [
    ["an empty text has no options", "", []],
    ["text before the first section is ignored", "hello\nfoo=bar\n[Unit]\nA=b", ["Unit/A=b"]],
    ["a section may start in the middle of a line", "junk [Unit]\nA=b", ["Unit/A=b"]],
    ["a comment before the first section hides a bracket", "# [No]\n[Unit]\nA=b", ["Unit/A=b"]],
    ["blanks around name and value are cut", "[Unit]\n  A  =  b c  \n", ["Unit/A=b c"]],
    ["comments of both kinds are dropped", "[Unit]\n# x=1\n; y=2\nA=b", ["Unit/A=b"]],
    ["a comment goes on after a backslash", "[Unit]\n# x \\\ny=2\nA=b", ["Unit/A=b"]],
    ["repeated options keep their order", "[S]\nA=1\nB=2\nA=3", ["S/A=1", "S/B=2", "S/A=3"]],
    ["a value may be empty", "[S]\nA=\nB=2", ["S/A=", "S/B=2"]],
    ["a value may hold an equals sign", "[S]\nEnvironment=A=b", ["S/Environment=A=b"]],
    ["any name goes", "[S]\n<<<<=bar", ["S/<<<<=bar"]],
    ["a continued value keeps backslash, line feed and blanks", "[S]\nA=x \\\n   y", ["S/A=x \\\n   y"]],
    [
      "a comment inside a continued value is text",
      "[S]\nA=x \\\n# y \\\nz\nB=1",
      ["S/A=x \\\n# y \\\nz", "S/B=1"],
    ],
    ["a blank line ends a continued value", "[S]\nA=x \\\n\nB=1", ["S/A=x \\\n", "S/B=1"]],
    ["the end of the file ends a continued value", "[S]\nA=x \\", ["S/A=x \\\n"]],
    ["a blank after the backslash means no continuation", "[S]\nA=x \\ \nB=1", ["S/A=x \\ ", "S/B=1"]],
    ["lines may end as on Windows", "[S]\r\nA=x \\\r\n y\r\nB=1\r\n", ["S/A=x \\\n y", "S/B=1"]],
    ["a section's name may go over lines", "[S\nT]\nA=b", ["S\nT/A=b"]],
    ["sections may come back", "[A]\nx=1\n[B]\ny=2\n[A]\nz=3", ["A/x=1", "B/y=2", "A/z=3"]],
  ];
  it.each(cases)("%s", (_, text, expected) => {
    expect(pairs(text)).toEqual(expected);
  });

  const failures: [what: string, text: string, line: number, message: string][] = [
    ["text after a section's name", "\n[Unit] x\nA=b", 2, "found garbage after section name Unit: x"],
    ["a section without an end", "[A]\nx=1\n[B", 3, "unable to find end of section"],
    [
      "a line without an equals sign",
      "[A]\nx=1\ngarbage\ny=2",
      3,
      "unexpected newline encountered while parsing option name",
    ],
    [
      "a last line without an equals sign",
      "[A]\nx=1\ngarbage",
      3,
      "unexpected end of file encountered while parsing option name",
    ],
    [
      "a lone carriage return in a name",
      "[A]\nx\ry=1",
      2,
      "unexpected newline encountered while parsing option name",
    ],
    [
      "a line of more than a megabyte",
      `[A]\nx=${"y".repeat(maxLineBytes)}`,
      2,
      "line too long (max 1048576 bytes)",
    ],
  ];
  it.each(failures)("says where it found %s", (_, text, line, message) => {
    expect(parseUnitFile(text)).toEqual({ ok: false, problem: { line, message } });
  });

  it("takes a line of a megabyte", () => {
    const value = "y".repeat(maxLineBytes - 2);
    expect(options(`[A]\nx=${value}`)[0]?.value).toBe(value);
  });

  it("never throws, and what it reads it reads again from the canonical text", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const first = parseUnitFile(text);
        const read = first.ok ? first.options : [];
        const canonical = serializeUnit(read);
        const again = options(canonical);
        expect(again).toEqual([...Map.groupBy(read, ({ section }) => section).values()].flat());
        expect(serializeUnit(again)).toBe(canonical);
      }),
      { numRuns: 3_000 },
    );
  });
});
