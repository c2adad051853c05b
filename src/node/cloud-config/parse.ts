import { isNode, LineCounter, parseDocument } from "yaml";
import type { CloudConfig, SectionName, Setting } from "./model.ts";
import { parseFile } from "./parse-file.ts";
import { parseUnit } from "./parse-unit.ts";
import { readKeys } from "./parse-keys.ts";
import { parseUser } from "./parse-user.ts";
import { type Placed, type Problem, problemAt } from "./place.ts";
import { createReader, type Raw, type Reader } from "./reader.ts";
import {
  allowedPatterns,
  allowedValues,
  coreosFields,
  type Kind,
  sectionFields,
  topFields,
} from "./schema.ts";

/** A cloud-config, or everything that is wrong with it, in the order of its lines. */
export type Parsed =
  | { readonly ok: true; readonly config: CloudConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a cloud-config (addresses already put in). YAML 1.1, as coreos-cloudinit reads it. Never throws. */
export function parseCloudConfig(text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
  });
  const broken = document.errors.map((error) =>
    problemAt(
      { key: "", line: lines.linePos(error.pos[0]).line },
      `YAML: ${error.message.split("\n")[0] ?? ""}`,
    ),
  );
  if (broken.length > 0) return { ok: false, problems: broken };
  const reader = createReader(document, lines);
  const { contents } = document;
  const start = lines.linePos(isNode(contents) ? (contents.range?.[0] ?? 0) : 0).line;
  const top = isNode(contents)
    ? reader.map({ value: contents, place: { key: "", line: start } }, topFields)
    : new Map<string, Raw>();
  const config = readAll(reader, top);
  if (reader.problems.length === 0) return { ok: true, config };
  return { ok: false, problems: reader.problems.toSorted((a, b) => a.line - b.line) };
}

function readAll(reader: Reader, top: ReadonlyMap<string, Raw>): CloudConfig {
  const coreosRaw = top.get("coreos");
  const coreos = coreosRaw === undefined ? new Map<string, Raw>() : reader.map(coreosRaw, coreosFields);
  const section = (name: SectionName): readonly Setting[] => readSection(reader, name, coreos.get(name));
  return {
    hostname: readHostname(reader, top.get("hostname")),
    keys: readKeys(reader, top.get("ssh_authorized_keys")),
    users: reader.list(top.get("users")).flatMap((raw) => parseUser(reader, raw)),
    files: reader.list(top.get("write_files")).flatMap((raw) => parseFile(reader, raw)),
    manageEtcHosts: readManageEtcHosts(reader, top.get("manage_etc_hosts")),
    sections: {
      etcd: section("etcd"),
      etcd2: section("etcd2"),
      fleet: section("fleet"),
      flannel: section("flannel"),
      locksmith: section("locksmith"),
      update: section("update"),
      oem: section("oem"),
    },
    units: reader.list(coreos.get("units")).flatMap((raw) => parseUnit(reader, raw)),
  };
}

function readHostname(reader: Reader, raw: Raw | undefined): Placed<string> | undefined {
  const value = reader.text(raw);
  if (raw === undefined || value === undefined || value === "") return undefined;
  if (value.length > 64 || !/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*$/.test(value)) {
    reader.problems.push(problemAt(raw.place, `${JSON.stringify(value)} is not a host name`));
  }
  return { value, place: raw.place };
}

function readManageEtcHosts(reader: Reader, raw: Raw | undefined): Placed<string> | undefined {
  const value = reader.text(raw);
  if (raw === undefined || value === undefined || value === "") return undefined;
  if (value !== "localhost") {
    reader.problems.push(problemAt(raw.place, `must be "localhost", not ${JSON.stringify(value)}`));
  }
  return { value, place: raw.place };
}

function readSection(reader: Reader, name: SectionName, raw: Raw | undefined): readonly Setting[] {
  if (raw === undefined) return [];
  const fields = sectionFields[name];
  const found = reader.map(raw, fields);
  return [...fields].flatMap(([key, kind]) => {
    const item = found.get(key);
    const value = readValue(reader, item, kind);
    if (item === undefined || value === undefined || value === "" || value === "0" || value === "false")
      return [];
    checkValue(reader, item, value);
    return [{ key, value, place: item.place }];
  });
}

function readValue(reader: Reader, raw: Raw | undefined, kind: Kind): string | undefined {
  if (kind === "string") return reader.text(raw);
  if (kind === "bool") return String(reader.flag(raw));
  const number = reader.number(raw, kind === "float" ? "float" : "int");
  return number === undefined ? undefined : String(number);
}

function checkValue(reader: Reader, raw: Raw, value: string): void {
  const problem = (message: string): void => void reader.problems.push(problemAt(raw.place, message));
  const shown = JSON.stringify(value);
  const allowed = allowedValues[raw.place.key];
  const pattern = allowedPatterns[raw.place.key];
  if (allowed !== undefined && !allowed.includes(value))
    problem(`${shown} is not one of ${allowed.join(", ")}`);
  if (pattern !== undefined && !pattern.pattern.test(value))
    problem(`${shown} is not of the form ${pattern.like}`);
  // Each setting becomes one line of a file for systemd, which nothing escapes: CoreOS does not either.
  if (/[\n\r]/.test(value)) problem("must be one line");
  else if (/["\\]/.test(value))
    problem(`${shown} holds a quote or a backslash, which systemd would read as syntax`);
  else if (/%(?![A-Za-z%])/.test(value))
    problem(`${shown} holds a "%", which systemd would drop: write "%%"`);
}
