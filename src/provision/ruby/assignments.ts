import { readLiteral, type RubyValue } from "./literal.ts";
import { lineEnd, statementEnd } from "./scan.ts";

/** `$name = value # comment`, and where its parts stand in the text. */
export interface Assignment {
  /** Without the `$`. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Undefined when it is no literal: only Ruby knows what it is. */
  readonly value: { readonly value: RubyValue } | undefined;
  /** What follows in the same line, from the `#` on. */
  readonly comment: { readonly start: number; readonly end: number; readonly text: string } | undefined;
  /** Inside `if`, `def` or the like: whether it takes effect is not known. */
  readonly conditional: boolean;
}

export type ReadRuby =
  | {
      readonly ok: true;
      readonly assignments: readonly Assignment[];
      /** The lines where anything else begins. */
      readonly others: readonly number[];
    }
  | { readonly ok: false; readonly line: number; readonly message: string };

const openers = /^(?:if|unless|while|until|case|begin|def|class|module|for)\b/;

/** Reads the assignments to global variables of a Ruby file, and runs none of it. */
export function readAssignments(text: string): ReadRuby {
  const assignments: Assignment[] = [];
  const others: number[] = [];
  const blocks: number[] = [];
  const lineOf = (at: number): number => text.slice(0, at).split("\n").length;
  const source = text.includes("\0") ? text.indexOf("\0") : -1;
  if (source >= 0) return { ok: false, line: lineOf(source), message: "there is a NUL character" };
  for (let at = skipBlank(text, 0); at < text.length && !isDataMark(text, at); at = skipBlank(text, at)) {
    const scanned = statementEnd(text, at);
    if (!scanned.ok) {
      return { ok: false, line: lineOf(scanned.problem.at), message: scanned.problem.message };
    }
    const end = Math.max(scanned.end, at + 1);
    const statement = text.slice(at, end);
    const head = /^\$([A-Za-z_]\w*)\s*=(?![=~>])\s*/.exec(statement);
    const opens = openers.test(head === null ? statement : statement.slice(head[0].length));
    if (head === null) others.push(lineOf(at));
    else {
      assignments.push({
        name: head[1] ?? "",
        line: lineOf(at),
        start: at,
        conditional: blocks.length > 0,
        valueStart: at + head[0].length,
        valueEnd: end,
        value: readLiteral(statement.slice(head[0].length)),
        comment: commentBehind(text, end),
      });
    }
    if (/^end\b/.test(statement) && blocks.pop() === undefined)
      return { ok: false, line: lineOf(at), message: '"end" ends nothing' };
    const closed = /\bend$/.test(statement) && !/^end\b/.test(statement);
    if ((opens || /\bdo(?:\s*\|[^|]*\|)?$/.test(statement)) && !closed) blocks.push(at);
    at = end;
  }
  const open = blocks.at(-1);
  if (open === undefined) return { ok: true, assignments, others };
  return { ok: false, line: lineOf(open), message: "what begins here has no end" };
}

/** Behind spaces, line ends, `;`, comments and =begin … =end. */
function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    const blank = /[\s;\uFEFF]*/y;
    blank.lastIndex = at;
    at += blank.exec(text)?.[0].length ?? 0;
    const atLineStart = at === 0 || text[at - 1] === "\n";
    if (text[at] === "#") at = lineEnd(text, at);
    else if (atLineStart && text.startsWith("=begin", at)) {
      const end = text.indexOf("\n=end", at);
      at = end < 0 ? text.length : lineEnd(text, end + 1);
    } else return at;
  }
}

function isDataMark(text: string, at: number): boolean {
  return (at === 0 || text[at - 1] === "\n") && /^__END__\r?(\n|$)/.test(text.slice(at, at + 9));
}

function commentBehind(text: string, from: number): Assignment["comment"] {
  const rest = text.slice(from, lineEnd(text, from));
  const match = /^[ \t]*(#.*?)\r?$/.exec(rest);
  if (match === null) return undefined;
  const start = from + rest.indexOf("#");
  const comment = match[1] ?? "";
  return { start, end: start + comment.length, text: comment };
}
