import { scrub } from "./errors.ts";

/**
 * Makes texts fit for strangers. `scrub` hides what our own messages may hold; this also hides secrets that are known by
 * value, however they are written, and what looks like a secret in texts that others wrote. It rather hides too much.
 */
export type Redact = (text: string) => string;

/** Shorter secrets are hidden only where they stand as one: everywhere else they are ordinary letters. Characters. */
export const shortestKnown = 4;

export interface RedactOptions {
  /** Values that must not be seen; several lines are hidden line by line. */
  readonly secrets: readonly string[];
  /** More that looks like a secret: what a group matches stays, the rest does not. */
  readonly patterns?: readonly RegExp[];
}

/** A function that hides secrets; the same text gives the same answer. */
export function redactor({ secrets, patterns = [] }: RedactOptions): Redact {
  const lines = secrets.flatMap((secret) => secret.split(/\r?\n/)).map((line) => line.trim());
  const known = [...new Set(lines)].filter(({ length }) => length >= shortestKnown);
  // The longest first: one secret may begin with another.
  const forms = known.toSorted((a, b) => b.length - a.length).map(howeverWritten);
  const literal = forms.length === 0 ? undefined : new RegExp(forms.join("|"), "g");
  return (text) => {
    const strange = literal === undefined ? text : text.replaceAll(literal, "***");
    const looked = [...shapes, ...patterns].reduce(
      (now, pattern) => now.replaceAll(pattern, (_, kept: unknown) => `${keptText(kept)}***`),
      scrub(strange),
    );
    return hideNamed(looked);
  };
}

/** Without a group, a replacer's second argument is the offset. */
function keptText(kept: unknown): string {
  return typeof kept === "string" ? kept : "";
}

/** Percent-encoded (also twice), escaped for JSON, a shell or systemd, or as it is; letters and digits are never encoded. */
function howeverWritten(secret: string): string {
  return Array.from(secret, (char) => (/[A-Za-z0-9]/.test(char) ? char : anyForm(char))).join("");
}

function anyForm(char: string): string {
  const bytes = [...Buffer.from(char)].map(hexDigits);
  const units = char.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return `(?:${[
    bytes.map((hex) => `%(?:25)*${hex}`).join(""),
    bytes.map((hex) => `\\\\+x${hex}`).join(""),
    units.map((unit) => `\\\\+u${anyCase(unit)}`).join(""),
    ...(doubled[char] ?? []),
    // Last: a percent sign is the beginning of its own code.
    `\\\\*${char.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)}`,
  ].join("|")})`;
}

const doubled: Readonly<Record<string, readonly string[]>> = {
  "'": [String.raw`'\\+''`, `'"'"'`, "''", "&#0?39;", "&apos;"],
  '"': ["&quot;"],
  "&": ["&amp;"],
  "<": ["&lt;"],
  ">": ["&gt;"],
  $: [String.raw`\$\$`],
  "%": ["%%"],
  " ": [String.raw`\+`],
};

function hexDigits(byte: number): string {
  return anyCase(byte.toString(16).padStart(2, "0"));
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

/** What gives itself away by its shape. */
const shapes: readonly RegExp[] = [
  // Whoever stands in front of a URL's host. A raw slash or two in a password do not save it.
  /(\b[a-z][a-z0-9+.-]{0,30}(?::|%(?:25)*3A)(?:\\*\/|\\+x2f|%(?:25)*2F){2})(?:[^\s/:@"']+:[^\s"']*|[^\s/"'<>]*)(?=@|%(?:25)*40)/gi,
  // user:password@host without a scheme. What comes before an image's digest is none.
  /(?<![\w/@.:+-])[\w.+-]{1,64}:[^\s/@:"',]+(?=@(?!sha\d)[\w[])/g,
  /((?<!\S)(?:-u|-U|--user|--proxy-user)[\s=]+)["']?[^\s:"']+:[^\s"']+/g,
  /(\blogin\s+\S+\s+password\s+)\S+/gi,
  /((?<!\S)--?[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api-?key)[ \t]+)(?:"[^"\n]*"|'[^'\n]*'|[^\s-]\S*)/gi,
  /(\b(?:Bearer|Basic|Digest|Negotiate)\s+)[A-Za-z0-9+/._~=-]{8,}/g,
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16})\b/g,
  /\b(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|AGE-SECRET-KEY-1[A-Z0-9]{50,}|sk-[\w-]{20,})/g,
  // A password's hash as /etc/shadow has it.
  /\$(?:1|2[abxy]?|5|6|7|y|gy)\$[^\s:"',]+/g,
];

const secretWords =
  "passw(?:or)?d|passphrase|_pwd|secret|token|credential|(?:api|access|private|signing|encryption|auth|client)[_-]?key";
/** How the name of something secret ends: `DB_PASSWORD`, `registry-token`, `passwordHash`, `client-key-data`, `"auth"`. */
const secretName = String.raw`(?:(?:${secretWords})s?(?:[_-]?(?:hash|b64|base64|value|data))?|(?<=["'])_?auth|(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}auth[\w-]{0,40})`;

/** Whether a key of that name holds something secret. */
export function isSecretName(name: string): boolean {
  return new RegExp(`(?:${secretName}|^_?auth)$`, "i").test(name);
}

/** `name: value`, `name=value`, `"name":"value"`, also inside other quotes, and a header as a pair of a list. */
const named = new RegExp(String.raw`(${secretName}\\*["']?[ \t]*(?:[:=]>?|(?<=["']),)[ \t]*)([^\r\n]+)`, "i");
/** A value in YAML that begins on the next line. */
const namedBlock = new RegExp(
  String.raw`^([ \t]*)((?:- +)?["']?[\w.-]{0,60}${secretName}["']?:[ \t]*(?:[|>][-+\d]*[ \t]*)?(?:#.*)?)\r?\n(?:\1[ \t]+\S.*(?:\r?\n|$)|[ \t]*\r?\n)+`,
  "gim",
);

/** The end of a private key whose beginning was cut off. */
function hideTornKeys(text: string): string {
  if (!/-----END [A-Z ]*PRIVATE KEY/.test(text)) return text;
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (!/-----END [A-Z ]*PRIVATE KEY/.test(line) || line.includes("-----BEGIN")) continue;
    let first = at;
    while (first > 0 && /[A-Za-z0-9+/=]{16,}/.test(lines[first - 1] ?? "")) first -= 1;
    lines.fill("***", first, at + 1);
  }
  return lines.join("\n");
}

function hideNamed(text: string): string {
  const blocks = text.replaceAll(
    namedBlock,
    (_, indent: string, head: string) => `${indent}${head}\n${indent}  ***\n`,
  );
  return hideTornKeys(blocks)
    .split("\n")
    .map((line) => hideInLine(line))
    .join("\n");
}

/** What stands behind a value that was hidden is looked through again. */
function hideInLine(line: string): string {
  let done = "";
  let rest = line;
  for (;;) {
    const found = named.exec(rest);
    if (found === null) return done + rest;
    const [, head = "", tail = ""] = found;
    const before = rest.slice(0, found.index) + head;
    const length = valueLength(tail, done + before);
    done += before + hiddenValue(tail.slice(0, length));
    rest = tail.slice(length);
  }
}

/** A quoted value ends with its quote; another one with the line, or with the quotes around all of it. */
function valueLength(tail: string, before: string): number {
  const quoted = /^(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|(\\+["'])(?:(?!(?<!\\)\1).)*\1)/.exec(tail);
  if (quoted !== null) return quoted[0].length;
  const inQuotes = (before.match(/(?<!\\)"/g) ?? []).length % 2 === 1;
  const end = inQuotes ? /(?<!\\)"/.exec(tail)?.index : undefined;
  return end ?? tail.length;
}

function hiddenValue(value: string): string {
  const [quote] = /^\\*["']/.exec(value) ?? [""];
  const closed = quote !== "" && value.length > quote.length && value.endsWith(quote);
  return closed ? `${quote}***${quote}` : "***";
}
