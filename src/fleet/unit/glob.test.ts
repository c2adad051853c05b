import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchGlob } from "./glob.ts";

/** The simplest thing that is right for `*`, `?` and letters, by recursion. */
function oracle(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === "*")
    return oracle(rest, name) || (name !== "" && name[0] !== "/" && oracle(pattern, name.slice(1)));
  if (name === "") return false;
  return (first === "?" ? name[0] !== "/" : first === name[0]) && oracle(rest, name.slice(1));
}

describe("matchGlob", () => {
  const cases: [pattern: string, name: string, expected: boolean][] = [
    ["*", "foo.service", true],
    ["foo.*", "foo.socket", true],
    ["foo@*.service", "foo@12.service", true],
    ["foo@[abc].service", "foo@a.service", true],
    ["foo@[abc].service", "foo@d.service", false],
    ["foo@?.service", "foo@1.service", true],
    ["foo@?.service", "foo@12.service", false],
    ["foo.service", "foo.service", true],
    ["foo.service", "bar.service", false],
    ["[a-c]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[^a-c]x", "dx", true],
    [String.raw`a\*b`, "a*b", true],
    [String.raw`a\*b`, "axb", false],
    [String.raw`[\]]`, "]", true],
    [String.raw`[\-x]`, "-", true],
    ["*", "a/b", false],
    ["a?b", "a/b", false],
    ["*/b", "a/b", true],
    ["", "", true],
    ["", "a", false],
    ["[*]", "*", true],
    ["a*b*c", "aXbYc", true],
    ["日?", "日本", true],
  ];
  it.each(cases)("%s against %s: %s", (pattern, name, expected) => {
    expect(matchGlob(pattern, name)).toBe(expected);
  });

  it.each(["[", "[a", "[]a]", "[-]", "[a-]", "[x-", "a\\", "[^]", "*["])(
    "the malformed %s matches nothing",
    (bad) => {
      expect(["", "a", "]", "-", "[", bad].filter((name) => matchGlob(bad, name))).toEqual([]);
    },
  );

  it("agrees with a simple oracle", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "/", "*", "?"), maxLength: 7 });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 7 });
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        expect(matchGlob(glob, text)).toBe(oracle(glob, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("answers anything, and a hostile pattern quickly", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (glob, text) => {
        expect(matchGlob(glob, text)).toBeTypeOf("boolean");
      }),
    );
    expect(matchGlob(`${"*a".repeat(60)}b`, "a".repeat(250))).toBe(false);
  });
});
