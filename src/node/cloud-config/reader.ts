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
  const problems: Problem[] = [];
  const wrong = (raw: Raw, want: string): undefined => {
    problems.push(problemAt(raw.place, `must be ${want}, not ${nameOf(raw.value)}`));
    return undefined;
  };
  const scalar = (raw: Raw | undefined, want: string): Scalar | undefined => {
    if (raw === undefined) return undefined;
    return isScalar(raw.value) ? raw.value : wrong(raw, want);
  };
  const resolve = (value: unknown): YamlNode | undefined => {
    const node = isAlias(value) ? value.resolve(document) : (value as YamlNode | null);
    return node === null || node === undefined || (isScalar(node) && node.value === null) ? undefined : node;
  };
  const placeOf = (node: unknown, key: string, fallback: Place): Place => {
    const offset = (node as YamlNode | null)?.range?.[0];
    return { key, line: offset === undefined ? fallback.line : lines.linePos(offset).line };
  };
  const reader: Reader = {
    problems,
    map: (raw, fields) => {
      const found = new Map<string, Raw>();
      if (!isMap(raw.value)) {
        wrong(raw, "a mapping");
        return found;
      }
      for (const pair of raw.value.items) {
        const written = String(isScalar(pair.key) ? (pair.key.source ?? pair.key.value) : pair.key);
        const name = written.replaceAll("-", "_");
        const place = placeOf(pair.key, raw.place.key === "" ? name : `${raw.place.key}.${name}`, raw.place);
        const value = resolve(pair.value);
        if (!fields.has(name)) problems.push(problemAt(place, unknownKey(written, fields)));
        else if (found.has(name)) problems.push(problemAt(place, `"${written}" was already set above`));
        else if (value !== undefined) found.set(name, { value, place });
      }
      return found;
    },
    list: (raw) => {
      if (raw === undefined) return [];
      if (!isSeq(raw.value)) {
        wrong(raw, "a list");
        return [];
      }
      return raw.value.items.flatMap((item, index) => {
        const value = resolve(item);
        const place = placeOf(item, `${raw.place.key}[${index}]`, raw.place);
        if (value !== undefined) return [{ value, place }];
        problems.push(problemAt(place, "is empty"));
        return [];
      });
    },
    text: (raw) => {
      const node = scalar(raw, "text");
      if (node === undefined || raw === undefined) return undefined;
      return typeof node.value === "string" ? node.value : (node.source ?? wrong(raw, "text"));
    },
    texts: (raw) =>
      reader.list(raw).flatMap((item) => {
        const value = reader.text(item);
        return value === undefined ? [] : [{ value, place: item.place }];
      }),
    bytes: (raw) => {
      const node = scalar(raw, "text");
      if (node?.value instanceof Uint8Array) return node.value;
      const text = reader.text(raw);
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
    number: (raw, kind) => {
      const value = scalar(raw, "a number")?.value;
      if (raw === undefined || value === undefined) return undefined;
      if (
        typeof value === "number" &&
        Number.isFinite(value) &&
        (kind === "float" || Number.isInteger(value))
      ) {
        return value;
      }
      return wrong(raw, kind === "int" ? "a whole number" : "a number");
    },
    flag: (raw) => {
      const value = scalar(raw, "true or false")?.value;
      if (raw !== undefined && value !== undefined && typeof value !== "boolean") wrong(raw, "true or false");
      return value === true;
    },
  };
  return reader;
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
