import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./problem.ts";

/** `userData` of cluster.yaml: what may be merged into the nodes' cloud-config. */

type Kind = "list" | "map" | "any";

const known: Record<string, Kind> = {
  ssh_authorized_keys: "list",
  users: "list",
  write_files: "list",
  coreos: "map",
  "coreos.etcd": "map",
  "coreos.etcd2": "map",
  "coreos.fleet": "map",
  "coreos.flannel": "map",
  "coreos.locksmith": "map",
  "coreos.oem": "map",
  "coreos.update": "map",
  "coreos.units": "list",
};

/** What makes a node this node of this cluster: another value would break it, not change it. */
const ours: Record<string, string> = {
  hostname: "names come from machines.prefix",
  manage_etc_hosts: "each node's /etc/hosts names all nodes",
  "coreos.etcd2.name": "each member is named after its machine",
  "coreos.etcd2.initial_cluster": "the members are counted by etcd.members",
  "coreos.etcd2.discovery": "the members are listed, see etcd.discovery",
};

/** Finds keys that no cloud-config has, that are ours alone, or that are written with hyphens. */
export function checkUserData(userData: Readonly<Record<string, unknown>>): Finding[] {
  return [...visit(userData, ["userData"])].flatMap(({ map, path }) => [
    ...Object.entries(map).flatMap(([key, value]) => checkKey([...path, key], value)),
    ...twins(map, path),
  ]);
}

/** The same map with underscores in the place of hyphens in every key, as all versions of cloudinit read it. */
export function withUnderscores(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnderscores);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.replaceAll("-", "_"), withUnderscores(inner)]),
  );
}

interface Visited {
  readonly map: Record<string, unknown>;
  readonly path: Path;
}

/** Every map, at any depth. */
function* visit(value: unknown, path: Path): Generator<Visited> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield { map: value as Record<string, unknown>, path };
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    yield* visit(inner, [...path, key]);
  }
}

function checkKey(path: Path, value: unknown): Finding[] {
  const key = String(path.at(-1));
  const underscored = key.replaceAll("-", "_");
  const place = path.slice(1).join(".").replaceAll("-", "_");
  const findings: Finding[] = [];
  if (underscored !== key) {
    findings.push({
      path,
      atKey: true,
      level: "warning",
      message: `"${key}" is read as "${underscored}"`,
      hint: "write the underscore: newer versions of cloudinit ignore keys with hyphens",
    });
  }
  const refused = refuse(path, place, value);
  return refused === undefined ? findings : [...findings, refused];
}

function refuse(path: Path, place: string, value: unknown): Finding | undefined {
  if (Object.hasOwn(ours, place)) {
    return { path, atKey: true, message: `"${place}" may not be set here: ${ours[place] ?? ""}` };
  }
  const parent = place.slice(0, Math.max(0, place.lastIndexOf(".")));
  if ((parent === "" || parent === "coreos") && !Object.hasOwn(known, place))
    return unknownKey(path, place, parent);
  if (value === null) return { path, message: `"${place}" has no value` };
  const kind = known[place] ?? "any";
  const actual: Kind = Array.isArray(value) ? "list" : typeof value === "object" ? "map" : "any";
  return kind === "any" || kind === actual ? undefined : { path, message: `"${place}" is a ${kind}` };
}

function unknownKey(path: Path, place: string, parent: string): Finding {
  const siblings = Object.keys(known)
    .filter((other) => other.lastIndexOf(".") === (parent === "" ? -1 : parent.length))
    .map((other) => other.slice(other.lastIndexOf(".") + 1));
  const close = nearest(place.slice(place.lastIndexOf(".") + 1), siblings);
  return {
    path,
    atKey: true,
    message: `cloud-config has no "${place}"`,
    hint: close === undefined ? `the keys here are ${siblings.join(", ")}` : `did you mean "${close}"?`,
  };
}

/** A key that is there twice: once with hyphens, once with underscores. */
function twins(map: Record<string, unknown>, path: Path): Finding[] {
  return Object.keys(map)
    .filter((key) => key.includes("-") && Object.hasOwn(map, key.replaceAll("-", "_")))
    .map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `"${key}" and "${key.replaceAll("-", "_")}" are the same key: keep the second`,
    }));
}
