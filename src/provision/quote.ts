/**
 * One function per language that we write: each turns any text into one literal of that language which reads back as the
 * same text, whatever is in it. Templates print values through these and in no other way.
 */

// Everything that a line-oriented reader might take for the end of a line, or swallow.
const control = /[\p{Cc}\u2028\u2029\uFEFF]/u;
const controls = /([\p{Cc}\u2028\u2029\uFEFF]+)/u;

/**
 * A Ruby literal. Texts are single-quoted, where only \ and ' mean something; control characters stand between the
 * quotes of an adjacent literal, which Ruby joins: 'a' "\u{a}" 'b'.
 */
export function rubyLiteral(value: unknown): string {
  if (value === undefined) throw new TypeError("not a value: undefined");
  if (value === null) return "nil";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return rubyString(value);
  if (Array.isArray(value)) return `[${value.map(rubyLiteral).join(", ")}]`;
  const entries = Object.entries(value as Record<string, unknown>);
  const pairs = entries.map(([key, inner]) => `${rubyKey(key)} => ${rubyLiteral(inner)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

function rubyKey(key: string): string {
  return /^(0|[1-9]\d*)$/.test(key) ? key : rubyString(key);
}

function rubyString(text: string): string {
  const parts = text.split(controls).filter((part) => part !== "");
  if (parts.length === 0) return "''";
  return parts
    .map((part) =>
      control.test(part)
        ? `"${Array.from(part, (char) => `\\u{${codePoint(char)}}`).join("")}"`
        : `'${part.replaceAll(/[\\']/g, "\\$&")}'`,
    )
    .join(" ");
}

/** One word of a POSIX shell. */
export function shellWord(text: string): string {
  refuseNul(text, "shell");
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** systemd's `Environment="NAME=value"`: quotes, backslashes and specifiers are escaped, control characters spelt. */
export function environmentLine(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a variable's name: ${name}`);
  refuseNul(value, "systemd");
  const escaped = value
    .replaceAll(/["\\]/g, "\\$&")
    .replaceAll("%", "%%")
    .replaceAll(/\p{Cc}/gu, (char) =>
      char < "\u0080" ? `\\x${codePoint(char).padStart(2, "0")}` : `\\u${codePoint(char).padStart(4, "0")}`,
    );
  return `Environment="${name}=${escaped}"`;
}

/** apt's quoted text: apt has no way to write a quote or a line end within one. */
export function aptText(text: string): string {
  if (/["\\\p{Cc}]/u.test(text))
    throw new TypeError("apt has no way to write quotes, backslashes and control characters");
  return `"${text}"`;
}

/** A word that needs no quoting in any of our files; anything else is a mistake of ours. */
export function bareWord(value: unknown): string {
  const text = String(value);
  if (value === undefined || !/^[A-Za-z0-9/][A-Za-z0-9_.:,/=@-]*$/.test(text))
    throw new TypeError(`not a bare word: ${text}`);
  return text;
}

function codePoint(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16);
}

function refuseNul(text: string, language: string): void {
  if (text.includes("\0")) throw new TypeError(`${language} has no way to write a NUL character`);
}
