import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OptionSpec } from "./command.ts";
import { parseLine } from "./flags.ts";

const options: readonly OptionSpec[] = [
  { name: "full", kind: "boolean", short: "l", help: "" },
  { name: "follow", kind: "boolean", short: "f", help: "" },
  { name: "fields", kind: "string", help: "" },
  { name: "lines", kind: "number", short: "n", help: "" },
];

function parse(argv: readonly string[], wordsBeforeEnd = Infinity): object {
  const { values, words } = parseLine(argv, { options, wordsBeforeEnd });
  return { ...Object.fromEntries(values), words };
}

describe("reading a command line", () => {
  it.each([
    [["list", "--full"], { full: true, words: ["list"] }],
    [["-l", "list"], { full: true, words: ["list"] }],
    [["--l"], { full: true, words: [] }],
    [["-lf"], { full: true, follow: true, words: [] }],
    [["--full=false"], { full: false, words: [] }],
    [["--fields", "a,b", "x"], { fields: "a,b", words: ["x"] }],
    [["--fields=a=b"], { fields: "a=b", words: [] }],
    [["--fields="], { fields: "", words: [] }],
    [["-n", "5"], { lines: 5, words: [] }],
    [["-n=5"], { lines: 5, words: [] }],
    [["a", "-", "b"], { words: ["a", "-", "b"] }],
    [["a", "--", "--full", "-x"], { words: ["a", "--full", "-x"] }],
  ])("%j", (argv, expected) => {
    expect(parse(argv)).toEqual(expected);
  });

  it("leaves what follows to another program when it is told to", () => {
    expect(parse(["--full", "ssh", "0b9f", "ls", "-l", "--", "x"], 1)).toEqual({
      full: true,
      words: ["ssh", "0b9f", "ls", "-l", "x"],
    });
  });

  it.each([
    [["--bogus"], "unknown flag: --bogus"],
    [["-lx"], "unknown flag: -x"],
    [["--fields"], "flag needs an argument: --fields"],
    [["--lines=many"], 'invalid argument "many" for --lines: not a number'],
    [["--full=maybe"], 'invalid argument "maybe" for --full: neither true nor false'],
  ])("refuses %j", (argv, message) => {
    expect(() => parse(argv)).toThrow(expect.objectContaining({ code: "E_USAGE", message }));
  });

  it("never loses a word after --", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(parseLine(["--", ...words], { options, wordsBeforeEnd: Infinity }).words).toEqual(words);
      }),
    );
  });
});
