import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node as YamlNode,
  type Scalar,
} from "yaml";
import { type Place, type Placed, type Problem, problemAt } from "./place.ts";
import type { Fields } from "./schema.ts";

/** A value in the document that was not looked at yet. */
export type Raw = Placed<YamlNode>;

/** Reads YAML nodes by expectation: what does not fit is noted as a problem and reads as undefined. */
export interface Reader {
  readonly problems: Problem[];
  /** Known keys with a value; unknown and doubled ones are problems. Hyphens count as underscores. */
  map(raw: Raw, fields: Fields): ReadonlyMap<string, Raw>;
  list(raw: Raw | undefined): readonly Raw[];
  /** Any scalar, exactly as it was written: `0644` stays `0644`, `off` stays `off`. */
  text(raw: Raw | undefined): string | undefined;
  texts(raw: Raw | undefined): readonly Placed<string>[];
  bytes(raw: Raw | undefined): Uint8Array | undefined;
  number(raw: Raw | undefined, kind: "int" | "float"): number | undefined;
  flag(raw: Raw | undefined): boolean;
}

export function createReader(document: Document, lines: LineCounter): Reader {
  const notes: Notes = { document, lines, problems: [] };
  return {
    problems: notes.problems,
    map: (raw, fields) => readMap(notes, raw, fields),
    list: (raw) => readList(notes, raw),
    text: (raw) => readText(notes, raw),
    texts: (raw) =>
      readList(notes, raw).flatMap((item) => {
        const value = readText(notes, item);
        return value === undefined ? [] : [{ value, place: item.place }];
      }),
    bytes: (raw) => {
      const node = scalar(notes, raw, "text");
      if (node?.value instanceof Uint8Array) return node.value;
      const text = readText(notes, raw);
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
    number: (raw, kind) => readNumber(notes, raw, kind),
    flag: (raw) => {
      const value = scalar(notes, raw, "true or false")?.value;
      if (raw !== undefined && value !== undefined && typeof value !== "boolean")
        wrong(notes, raw, "true or false");
      return value === true;
    },
  };
}

/** The document that is read, and what was found to be wrong with it. */
interface Notes {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly problems: Problem[];
}

function readMap(notes: Notes, raw: Raw, fields: Fields): ReadonlyMap<string, Raw> {
  const { problems } = notes;
  const found = new Map<string, Raw>();
  if (!isMap(raw.value)) {
    wrong(notes, raw, "a mapping");
    return found;
  }
  for (const pair of raw.value.items) {
    const written = String(isScalar(pair.key) ? (pair.key.source ?? pair.key.value) : pair.key);
    const name = written.replaceAll("-", "_");
    const key = raw.place.key === "" ? name : `${raw.place.key}.${name}`;
    const place = placeOf(notes, pair.key, key, raw.place);
    const value = resolve(notes, pair.value);
    if (!fields.has(name)) problems.push(problemAt(place, unknownKey(written, fields)));
    else if (found.has(name)) problems.push(problemAt(place, `"${written}" was already set above`));
    else if (value !== undefined) found.set(name, { value, place });
  }
  return found;
}

function readList(notes: Notes, raw: Raw | undefined): readonly Raw[] {
  if (raw === undefined) return [];
  if (!isSeq(raw.value)) {
    wrong(notes, raw, "a list");
    return [];
  }
  return raw.value.items.flatMap((item, index) => {
    const value = resolve(notes, item);
    const place = placeOf(notes, item, `${raw.place.key}[${index}]`, raw.place);
    if (value !== undefined) return [{ value, place }];
    notes.problems.push(problemAt(place, "is empty"));
    return [];
  });
}

function readText(notes: Notes, raw: Raw | undefined): string | undefined {
  const node = scalar(notes, raw, "text");
  if (node === undefined || raw === undefined) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? wrong(notes, raw, "text"));
}

function readNumber(notes: Notes, raw: Raw | undefined, kind: "int" | "float"): number | undefined {
  const value = scalar(notes, raw, "a number")?.value;
  if (raw === undefined || value === undefined) return undefined;
  const fits = kind === "float" ? Number.isFinite(value) : Number.isInteger(value);
  if (typeof value === "number" && fits) return value;
  return wrong(notes, raw, kind === "int" ? "a whole number" : "a number");
}

function scalar(notes: Notes, raw: Raw | undefined, want: string): Scalar | undefined {
  if (raw === undefined) return undefined;
  return isScalar(raw.value) ? raw.value : wrong(notes, raw, want);
}

/** What an alias stands for; undefined for nothing and for null. */
function resolve({ document }: Notes, value: unknown): YamlNode | undefined {
  const node = isAlias(value) ? value.resolve(document) : (value as YamlNode | null);
  return node === null || node === undefined || (isScalar(node) && node.value === null) ? undefined : node;
}

function placeOf({ lines }: Notes, node: unknown, key: string, fallback: Place): Place {
  const offset = (node as YamlNode | null)?.range?.[0];
  return { key, line: offset === undefined ? fallback.line : lines.linePos(offset).line };
}

function wrong({ problems }: Notes, raw: Raw, want: string): undefined {
  problems.push(problemAt(raw.place, `must be ${want}, not ${nameOf(raw.value)}`));
  return undefined;
}

function unknownKey(written: string, fields: Fields): string {
  const name = written.replaceAll("-", "_").toLowerCase();
  const near = [...fields.keys()].find((key) => key === name || key.startsWith(name) || name.startsWith(key));
  const known =
    near === undefined
      ? `known here: ${[...fields.keys()].slice(0, 12).join(", ")}`
      : `did you mean "${near}"?`;
  return `unrecognized key "${written}" would have no effect (${known}${near === undefined && fields.size > 12 ? ", …" : ""})`;
}

function nameOf(node: YamlNode): string {
  if (isMap(node)) return "a mapping";
  if (isSeq(node)) return "a list";
  return isScalar(node) ? JSON.stringify(node.source ?? String(node.value)) : "this";
}
