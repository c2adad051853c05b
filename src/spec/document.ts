import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, YAMLError } from "yaml";
import { messageOf } from "../foundation/errors.ts";
import type { Path } from "./problem.ts";

/** A YAML text that was read, and where everything in it stands. */
export interface SourceDocument {
  readonly value: unknown;
  readonly errors: readonly SourceError[];
  /** The place of the key or value at `path`, else of the nearest thing around it. */
  placeOf(path: Path, atKey: boolean): Place;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface SourceError extends Place {
  readonly message: string;
  readonly hint: string | undefined;
  /** The document's value can be used nevertheless, to look for more problems. */
  readonly readable: boolean;
}

const hints: Partial<Record<string, string>> = {
  DUPLICATE_KEY: "keep one of the two; a map has each key once",
  TAB_AS_INDENT: "indent with spaces; YAML allows no tabs there",
  MULTIPLE_DOCS: "cluster.yaml is one document: remove the '---' and what follows",
  BAD_INDENT: "indent every key of a map by the same number of spaces",
  MISSING_CHAR: "look for a missing ':' or closing quote or bracket before this place",
};

/** Reads YAML 1.2; never throws. */
export function readYaml(text: string): SourceDocument {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const errors = [...document.errors, ...document.warnings].map((error) => sourceError(error, place));
    return { ...valueOf(document, errors), placeOf: (path, atKey) => place(locate(document, path, atKey)) };
  } catch (error) {
    return { value: undefined, errors: [unreadable(error)], placeOf: () => ({ line: 1, column: 1 }) };
  }
}

function sourceError(error: YAMLError, place: (offset: number) => Place): SourceError {
  return {
    ...place(error.pos[0]),
    message: sentence(error.message),
    hint: hints[error.code],
    readable: error.code === "DUPLICATE_KEY",
  };
}

function valueOf(
  document: Document,
  errors: readonly SourceError[],
): { value: unknown; errors: readonly SourceError[] } {
  if (errors.some((error) => !error.readable)) return { value: undefined, errors };
  try {
    return { value: document.toJS() as unknown, errors };
  } catch (error) {
    return { value: undefined, errors: [...errors, unreadable(error)] };
  }
}

function unreadable(error: unknown): SourceError {
  return { line: 1, column: 1, message: sentence(messageOf(error)), hint: undefined, readable: false };
}

function sentence(message: string): string {
  return (message.charAt(0).toLowerCase() + message.slice(1)).replace(/\.$/, "");
}

/** The offset of what stands at `path`; the last part that exists when the rest does not. */
function locate(document: Document, path: Path, atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node, 0);
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const step = isMap(node)
      ? node.items.find((pair) => keyText(pair.key) === String(part))
      : isSeq(node)
        ? { key: undefined, value: node.items[Number(part)] }
        : undefined;
    if (step === undefined) return offset;
    const keyOffset = startOf(step.key, startOf(step.value, offset));
    const wantsKey = atKey && depth === path.length - 1;
    offset = wantsKey ? keyOffset : startOf(step.value, keyOffset);
    node = step.value;
  }
  return offset;
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function startOf(node: unknown, otherwise: number): number {
  return (node as Node | null | undefined)?.range?.[0] ?? otherwise;
}
