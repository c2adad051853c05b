import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareWord, environmentLine, rubyLiteral, shellWord } from "./quote.ts";

/** Texts made of what could end a string, or start something, in one of our languages. */
const hostile = fc
  .array(
    fc.constantFrom(
      ...("'\"\\`$%#{}@;&|<>()!*?~=\n\r\t \u0007\u0085\u2028\uFEFFabc_é🙂".match(/./gsu) ?? []),
      "#{x}",
      "%h",
      "$(id)",
      "\\n",
      "__END__",
    ),
  )
  .map((parts) => parts.join(""));

/** Reads back a Ruby literal as Ruby's own lexer does; undefined when it is more or less than one string. */
function readRuby(source: string): string | undefined {
  let text = "";
  let rest = source;
  while (rest !== "") {
    const single = /^'((?:[^'\\\n\r]|\\.)*)'/u.exec(rest);
    const double = /^"((?:\\u\{[0-9a-f]+\})*)"/.exec(rest);
    if (single !== null) text += (single[1] ?? "").replaceAll(/\\([\\'])/g, "$1");
    else if (double !== null) text += fromCodePoints(double[1] ?? "");
    else return undefined;
    rest = rest.slice((single ?? double)?.[0].length).replace(/^ (?=['"])/, "");
  }
  return text;
}

function fromCodePoints(escapes: string): string {
  return [...escapes.matchAll(/\{([0-9a-f]+)\}/g)]
    .map(([, hex]) => String.fromCodePoint(parseInt(hex ?? "", 16)))
    .join("");
}

/** Reads back a shell word: single quotes, and quotes between them that are escaped. */
function readShell(source: string): string | undefined {
  if (!/^('[^']*'|\\')+$/.test(source)) return undefined;
  return [...source.matchAll(/'([^']*)'|\\(')/g)]
    .map(([, quoted, escaped]) => quoted ?? escaped ?? "")
    .join("");
}

/** Reads back an Environment= line as systemd does: C escapes first, specifiers then. */
function readEnvironment(line: string): string | undefined {
  const inner = /^Environment="((?:[^"\\\n\r]|\\.)*)"$/u.exec(line)?.[1];
  const unescaped = inner?.replaceAll(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)/gu, (_, escape: string) =>
    escape.length === 1 ? escape : String.fromCodePoint(parseInt(escape.slice(1), 16)),
  );
  if (unescaped === undefined || /%/.test(unescaped.replaceAll("%%", ""))) return undefined;
  return unescaped.replaceAll("%%", "%");
}

describe("quoting", () => {
  it("keeps any text within one Ruby string", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(readRuby(rubyLiteral(text))).toBe(text);
      }),
    );
  });

  it("keeps any text within one shell word", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(readShell(shellWord(text))).toBe(text);
      }),
    );
  });

  it("keeps any text within one variable of systemd's", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(readEnvironment(environmentLine("NAME", text))).toBe(`NAME=${text}`);
      }),
    );
  });

  it("escapes what is special in plain sight", () => {
    expect(rubyLiteral("it's #{x} \\ $y")).toBe("'it\\'s #{x} \\\\ $y'");
    expect(shellWord("it's $x")).toBe("'it'\\''s $x'");
    expect(environmentLine("P", 'a%40b "c" \\')).toBe('Environment="P=a%%40b \\"c\\" \\\\"');
  });

  it("writes Ruby's other literals", () => {
    expect(rubyLiteral({ a: [1, true, null], 80: "x" })).toBe("{ 80 => 'x', 'a' => [1, true, nil] }");
    expect(rubyLiteral({})).toBe("{}");
  });

  it("refuses what a language cannot say", () => {
    expect(() => shellWord("\0")).toThrow(TypeError);
    expect(() => environmentLine("P", "\0")).toThrow(TypeError);
    expect(() => environmentLine("A B", "x")).toThrow(TypeError);
    expect(() => bareWord("a b")).toThrow(TypeError);
  });
});
