/**
 * Finds the ends of Ruby's statements without understanding them: strings, comments and brackets are skipped as wholes.
 * As much of the language as configuration files use; what is beyond that is reported, never guessed.
 */

/** A place in the text where reading cannot go on. */
export interface ScanProblem {
  readonly at: number;
  readonly message: string;
}

export type Scanned =
  | { readonly ok: true; /** Just behind the last character that is not a space. */ readonly end: number }
  | { readonly ok: false; readonly problem: ScanProblem };

/** Behind these, a statement goes on in the next line. */
const unfinished = /(?:[-+*/%&|^<>=!?:,.\\]|=>|&&|\|\||\b(?:and|or|not))$/;
const closers: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "<": ">" };

/** The end of the statement that begins at `start`: a line end, a `;` or a comment outside of everything else. */
export function statementEnd(text: string, start: number): Scanned {
  const open: { readonly closer: string; readonly at: number }[] = [];
  let at = start;
  let end = start;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (open.length === 0 && (char === ";" || char === "#")) break;
    if (char === "\n" && open.length === 0 && !unfinished.test(text.slice(start, end))) break;
    if (char === "#") {
      at = lineEnd(text, at);
      continue;
    }
    const skipped = skipWhole(text, at, start);
    if (typeof skipped !== "number") return { ok: false, problem: skipped };
    if (skipped === at + 1) {
      if ("([{".includes(char)) open.push({ closer: closers[char] ?? "", at });
      if (")]}".includes(char) && open.pop()?.closer !== char) return wrong(at, `"${char}" closes nothing`);
    }
    at = skipped;
    if (!/\s/.test(char)) end = at;
  }
  const left = open[0];
  return left === undefined ? { ok: true, end } : wrong(left.at, `"${text[left.at] ?? ""}" is never closed`);
}

/** Where the line ends that this place is in. */
export function lineEnd(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found < 0 ? text.length : found;
}

/** Behind the string or the like that begins here, else behind this one character. */
function skipWhole(text: string, at: number, start: number): number | ScanProblem {
  const char = text[at] ?? "";
  if (char === "'" || char === '"' || char === "`") return skipQuoted(text, at, char, char);
  if (char === "\\") return at + 2;
  const before = text.slice(start, at).trimEnd();
  const expectsValue = before === "" || /[(,=~![{|&;:?]$/.test(before);
  if (char === "%" && expectsValue) {
    const opener = /^%[wWqQiI]?([^\sA-Za-z0-9])/.exec(text.slice(at, at + 3));
    if (opener !== null) {
      const mark = opener[1] ?? "";
      return skipQuoted(text, at + opener[0].length - 1, mark, closers[mark] ?? mark);
    }
  }
  if (char === "/" && expectsValue) return skipQuoted(text, at, "/", "/");
  if (char === "<" && expectsValue && /^<<[-~]?["'A-Z_]/.test(text.slice(at, at + 4)))
    return { at, message: "heredocs are not understood here" };
  return at + 1;
}

/** Behind the closing mark; marks of the same kind nest when they come in pairs, and so does `#{…}`. */
function skipQuoted(text: string, from: number, opener: string, closer: string): number | ScanProblem {
  let depth = 1;
  let at = from + 1;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === "\\") at += 1;
    else if (char === "#" && text[at + 1] === "{" && opener !== "'") {
      const inner = skipInterpolation(text, at + 2);
      if (inner === undefined) return { at, message: '"#{" is never closed' };
      at = inner - 1;
    } else if (char === closer) depth -= 1;
    else if (char === opener) depth += 1;
    at += 1;
    // A word right behind is none of Ruby's: the quote that ended this string was meant to begin another, or is a comment's.
    if (depth === 0 && /\w/.test(text[at] ?? "") && /['"`]/.test(closer)) break;
    if (depth === 0) return at;
  }
  return { at: from, message: "a string is never closed" };
}

function skipInterpolation(text: string, from: number): number | undefined {
  let at = from;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === "}") return at + 1;
    const skipped = char === "{" ? skipInterpolation(text, at + 1) : skipWhole(text, at, from);
    if (typeof skipped !== "number") return undefined;
    at = skipped;
  }
  return undefined;
}

function wrong(at: number, message: string): Scanned {
  return { ok: false, problem: { at, message } };
}
