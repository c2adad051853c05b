import type { UnitOption } from "../model.ts";
import { trimSpace } from "./space.ts";

/** The longest line that we take, bytes. fleet stopped at 2,048, which real ExecStart lines outgrew. */
export const maxLineBytes = 1_048_576;

/** Why a text is no unit file, and on which line (counted from 1). */
export interface UnitFileProblem {
  readonly line: number;
  readonly message: string;
}

export type ParsedUnitFile =
  | { readonly ok: true; readonly options: readonly UnitOption[] }
  | { readonly ok: false; readonly problem: UnitFileProblem };

/**
 * Reads a unit file as fleet did: text before the first section is ignored, comments and blank lines are dropped, a
 * value that ends in a backslash goes on in the next line and keeps both the backslash and the line feed. Never throws.
 */
export function parseUnitFile(text: string): ParsedUnitFile {
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  const tooLong = lines.findIndex(isTooLong);
  if (tooLong >= 0) return failure(tooLong, `line too long (max ${maxLineBytes} bytes)`);
  const reader: Reader = { lines, at: skipToFirstSection(lines), section: "", options: [] };
  while (reader.at < lines.length) {
    const problem = readNext(reader);
    if (problem !== undefined) return { ok: false, problem };
  }
  return { ok: true, options: reader.options };
}

interface Reader {
  readonly lines: string[];
  /** The line that is read next. */
  at: number;
  section: string;
  readonly options: UnitOption[];
}

function failure(index: number, message: string): { ok: false; problem: UnitFileProblem } {
  return { ok: false, problem: { line: index + 1, message } };
}

function isTooLong(line: string): boolean {
  // A character takes at most three bytes per UTF-16 unit: most lines need no counting.
  return line.length * 3 > maxLineBytes && Buffer.byteLength(line) > maxLineBytes;
}

/** Cuts off what stands before the first `[`, and gives that line's index. A comment hides a bracket. */
function skipToFirstSection(lines: string[]): number {
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const found = /[[#;]/.exec(line);
    if (found === null) continue;
    if (found[0] === "[") {
      lines[at] = line.slice(found.index);
      return at;
    }
    at = lastLineOfComment(lines, at);
  }
  return lines.length;
}

function lastLineOfComment(lines: readonly string[], start: number): number {
  let at = start;
  while (at < lines.length - 1 && /\\ ?$/.test(lines[at] ?? "")) at++;
  return at;
}

function readNext(reader: Reader): UnitFileProblem | undefined {
  const line = trimSpace(reader.lines[reader.at] ?? "");
  if (line === "") {
    reader.at++;
    return undefined;
  }
  if (line.startsWith("#") || line.startsWith(";")) {
    reader.at = lastLineOfComment(reader.lines, reader.at) + 1;
    return undefined;
  }
  return line.startsWith("[") ? readSection(reader) : readOption(reader);
}

/** A section's name reaches to the next `]`, even over lines; nothing may follow it on its line. */
function readSection(reader: Reader): UnitFileProblem | undefined {
  const start = reader.at;
  const parts: string[] = [];
  for (; reader.at < reader.lines.length; reader.at++) {
    const line = reader.lines[reader.at] ?? "";
    const end = line.indexOf("]");
    parts.push(end < 0 ? line : line.slice(0, end));
    if (end < 0) continue;
    const name = parts.join("\n");
    reader.section = name.slice(name.indexOf("[") + 1);
    const garbage = trimSpace(line.slice(end + 1));
    if (garbage !== "")
      return problemAt(reader.at, `found garbage after section name ${reader.section}: ${garbage}`);
    reader.at++;
    return undefined;
  }
  return problemAt(start, "unable to find end of section");
}

function problemAt(index: number, message: string): UnitFileProblem {
  return { line: index + 1, message };
}

function readOption(reader: Reader): UnitFileProblem | undefined {
  const line = reader.lines[reader.at] ?? "";
  const equals = line.indexOf("=");
  const head = equals < 0 ? line : line.slice(0, equals);
  if (equals < 0 || trimSpace(head).includes("\r")) {
    const last = reader.at === reader.lines.length - 1 && !head.includes("\r");
    const what = last ? "end of file" : "newline";
    return problemAt(reader.at, `unexpected ${what} encountered while parsing option name`);
  }
  reader.lines[reader.at] = line.slice(equals + 1);
  reader.options.push({ section: reader.section, name: trimSpace(head), value: readValue(reader) });
  return undefined;
}

function readValue(reader: Reader): string {
  const parts: string[] = [];
  let goesOn = true;
  while (goesOn && reader.at < reader.lines.length) {
    const line = reader.lines[reader.at++] ?? "";
    // A blank line ends a continuation; the line feed before it is then part of the value.
    if (trimSpace(line) === "") break;
    parts.push(line);
    goesOn = line.endsWith("\\");
  }
  const value = trimSpace(parts.join("\n"));
  if (value === "") return "";
  if (parts.at(-1)?.endsWith("\\") === true) return `${value}\n`;
  // Here a blank followed the backslash. One blank stays, or writing the value down would swallow the next line.
  return value.endsWith("\\") ? `${value} ` : value;
}
