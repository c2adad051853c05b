import { parseDuration } from "../foundation/duration.ts";
import { crossCheck } from "./checks.ts";
import { withUnderscores } from "./cloud-config.ts";
import { readYaml } from "./document.ts";
import type { SourceDocument } from "./document.ts";
import { imageNames } from "./fields.ts";
import { findingsOf } from "./issues.ts";
import { defaultEtcdMembers } from "./machines.ts";
import type { ClusterSpec, ProxySpec } from "./model.ts";
import type { Finding, Path, Problem } from "./problem.ts";
import { clusterFile } from "./schema.ts";
import type { ClusterFile } from "./schema.ts";
import { findUnsupported, valueAt } from "./unsupported.ts";
import { cleanNoProxy } from "./no-proxy.ts";
import { proxyFromEnvironment, type Environment } from "./proxy.ts";

export type LoadedSpec =
  | { readonly ok: true; readonly spec: ClusterSpec; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/**
 * Reads the text of a cluster.yaml, fills in the defaults and finds every problem there is, each with its place, in the
 * order of the file. `file` is only the name that problems are shown with; `environment` is asked by `proxy: from-env`.
 */
export function loadSpec(text: string, file: string, environment: Environment = {}): LoadedSpec {
  const source = readYaml(text);
  const judged = judge(source, environment);
  const place = placer(source, file);
  const syntax = source.errors.map(({ line, column, message, hint }) => ({
    file,
    line,
    column,
    path: "",
    message,
    hint,
  }));
  const problems = [...syntax, ...judged.findings.filter(({ level }) => level !== "warning").map(place)].sort(
    byPlace,
  );
  const warnings = judged.findings
    .filter(({ level }) => level === "warning")
    .map(place)
    .sort(byPlace);
  if (problems.length > 0 || judged.file === undefined) return { ok: false, problems, warnings };
  return { ok: true, spec: specOf(judged.file), warnings };
}

interface Judged {
  readonly file: ClusterFile | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Three passes: what is not supported yet, what the schema refuses, what does not fit together. After each, what was
 * found wrong is taken out, so that the next pass can still look at the rest.
 */
function judge(source: SourceDocument, environment: Environment): Judged {
  if (source.errors.some((error) => !error.readable)) return { file: undefined, findings: [] };
  if (source.value === undefined || source.value === null) {
    const hint = "begin with 'version: 1' and 'name: …', or let 'cluster init NAME' write one";
    return { file: undefined, findings: [{ path: [], message: "the file is empty", hint }] };
  }
  const { raw, findings: asked } = withEnvironment(withoutEmptySections(source.value), environment);
  const judged = judgeValue(raw);
  // What comes from the environment was judged with the names of its variables.
  const own =
    asked === undefined ? judged.findings : judged.findings.filter(({ path }) => path[0] !== "proxy");
  return { file: judged.file, findings: [...(asked ?? []), ...own] };
}

function judgeValue(raw: unknown): Judged {
  const unsupported = findUnsupported(raw);
  const supported = without(
    raw,
    unsupported.map(({ path }) => path),
  );
  const parsed = clusterFile.safeParse(supported);
  if (parsed.success) {
    const wrong = unsupported.map(({ path }) => path);
    return { file: parsed.data, findings: [...unsupported, ...crossCheck(parsed.data, wrong)] };
  }
  const findings = [...unsupported, ...findingsOf(parsed.error.issues, supported)];
  const wrong = findings.map(({ path }) => path);
  const rest = clusterFile.safeParse(withMandatory(without(supported, wrong)));
  return { file: undefined, findings: [...findings, ...(rest.success ? crossCheck(rest.data, wrong) : [])] };
}

interface Asked {
  readonly raw: unknown;
  /** Undefined when the environment was not asked. */
  readonly findings: readonly Finding[] | undefined;
}

/** `proxy: from-env` replaced by what the environment says. */
function withEnvironment(raw: unknown, environment: Environment): Asked {
  if (valueAt(raw, ["proxy"]) !== "from-env") return { raw, findings: undefined };
  const { proxy: _, ...rest } = raw as Record<string, unknown>;
  const { proxy, findings } = proxyFromEnvironment(environment);
  return { raw: proxy === undefined ? rest : { ...rest, proxy }, findings };
}

/** A section whose keys are all commented out reads as null: it is as if it were not there. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.filter(([key, inner]) => inner !== null || !isSection(key)));
}

function isSection(key: string): boolean {
  return !["version", "name", "provider"].includes(key) && Object.hasOwn(clusterFile.shape, key);
}

/** A copy without the values at these paths; a list that holds one of them goes as a whole. */
function without(value: unknown, paths: readonly Path[]): unknown {
  if (paths.length === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return undefined;
  const kept = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const inside = paths.filter((path) => String(path[0]) === key).map((path) => path.slice(1));
    const rest = inside.some((path) => path.length === 0) ? undefined : without(inner, inside);
    return rest === undefined ? [] : [[key, rest]];
  });
  return Object.fromEntries(kept);
}

function withMandatory(value: unknown): unknown {
  return typeof value === "object" ? { version: 1, name: "unnamed", ...value } : value;
}

function placer(source: SourceDocument, file: string): (finding: Finding) => Problem {
  return ({ path, message, hint, atKey = false }) => ({
    file,
    ...source.placeOf(path, atKey),
    path: path.join("."),
    message,
    hint: hint === "" ? undefined : hint,
  });
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}

function specOf(file: ClusterFile): ClusterSpec {
  return {
    version: file.version,
    name: file.name,
    provider: file.provider,
    os: { ...file.os, mirror: file.os.mirror },
    machines: {
      ...file.machines,
      overrides: Object.fromEntries(
        Object.entries(file.machines.overrides).map(([name, own]) => [name, compact(own)]),
      ),
    },
    network: file.network,
    etcd: {
      members: file.etcd.members ?? defaultEtcdMembers(file.machines.count),
      discovery: file.etcd.discovery,
    },
    fleet: compact({ agentTtl: parseDuration(file.fleet.agentTtl ?? "") }),
    docker: { ...file.docker, images: file.docker.mirror ? (file.docker.images ?? imageNames) : [] },
    ssh: file.ssh,
    proxy: proxyOf(file.proxy),
    ports: Object.fromEntries(Object.entries(file.ports).map(([guest, host]) => [Number(guest), host])),
    sharedFolders: file.sharedFolders,
    vagrant: file.vagrant,
    services: file.services,
    userData: withUnderscores(file.userData) as Record<string, unknown>,
  };
}

function proxyOf(proxy: ClusterFile["proxy"]): ProxySpec | undefined {
  if (proxy === undefined) return undefined;
  const { http, https, no, passwordFile } = proxy;
  return { http, https, no: cleanNoProxy(typeof no === "string" ? [no] : no).entries, passwordFile };
}

/** Without the keys that are undefined: an override says only what it changes. */
function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}
