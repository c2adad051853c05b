import { isScalar, parseDocument, visit } from "yaml";
import { parseDuration } from "../../foundation/duration.ts";
import { AppError } from "../../foundation/errors.ts";
import { withUnderscores } from "../../spec/cloud-config.ts";
import { isMap, setIn, type Draft } from "./draft.ts";

/** Settings of etcd2 that make a machine this machine of this cluster. */
const ownEtcd2 = /^(name|data_dir|discovery|proxy|initial_|listen_|advertise_)/;

/** Units that every machine of ours runs anyway. */
const ownUnits = /^(etcd|etcd2|etcd-member|fleet|docker)\.(service|socket)$/;

/** Carries a user-data over: what the cluster has a setting for becomes that, the rest goes to `userData`. */
export function carryUserData(draft: Draft, text: string, path: string): void {
  const plain = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  if (!/^#cloud-config\s*(\n|$)/.test(plain)) {
    draft.notes.push("user-data: it is no #cloud-config, and cannot be merged into the machines' own");
    return;
  }
  const read = withUnderscores(parse(plain, path));
  if (!isMap(read)) return;
  const { hostname, manage_etc_hosts, ssh_authorized_keys, coreos, ...rest } = read;
  if (hostname !== undefined) draft.notes.push("user-data hostname: names come from machines.prefix");
  if (manage_etc_hosts !== undefined) {
    draft.notes.push("user-data manage_etc_hosts: each node's /etc/hosts names all nodes");
  }
  if (Array.isArray(ssh_authorized_keys)) setIn(draft, "ssh", "authorizedKeys", ssh_authorized_keys);
  for (const [key, value] of Object.entries(rest)) setIn(draft, "userData", key, value);
  const kept = isMap(coreos) ? carryCoreos(draft, coreos) : {};
  if (Object.keys(kept).length > 0) setIn(draft, "userData", "coreos", kept);
  if (/\b172\.17\.8\.\d+/.test(JSON.stringify(draft.file["userData"] ?? ""))) {
    draft.notes.push("user-data names addresses in 172.17.8.0/24: the machines are 192.168.56.11 and on");
  }
}

/** By YAML 1.2, where `off` is a text; what YAML 1.1 took for a number or a truth is what cloudinit made of it. */
function parse(text: string, path: string): unknown {
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new AppError("E_CONFIG_INVALID", `${path} is no YAML`, {
      details: error.message.split("\n").slice(0, 1),
      hint: "mend that line, then import again; nothing was written",
    });
  }
  visit(document, {
    Pair: (_, { key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      if (!isScalar(value)) return;
      if (name === "permissions" && typeof value.value === "number") value.value = value.source;
      if (/^(enable|mask|runtime|system|no[-_].*)$/.test(name) && /^(yes|on)$/i.test(String(value.value))) {
        value.value = true;
      }
    },
  });
  return document.toJS({ maxAliasCount: 100 });
}

function carryCoreos(draft: Draft, coreos: Record<string, unknown>): Record<string, unknown> {
  const { etcd, etcd2, fleet, update, units, ...rest } = coreos;
  if (etcd !== undefined)
    draft.notes.push("user-data coreos.etcd: these are settings of etcd 0.4; etcd2 runs here");
  const kept: Record<string, unknown> = { ...rest };
  const settings = {
    etcd2: isMap(etcd2) ? without(draft, "etcd2", etcd2, ownEtcd2) : {},
    fleet: isMap(fleet) ? carryFleet(draft, fleet) : {},
    // Ours is off as well.
    update: isMap(update) && update["reboot_strategy"] !== "off" ? update : {},
  };
  for (const [key, value] of Object.entries(settings)) if (Object.keys(value).length > 0) kept[key] = value;
  const list = Array.isArray(units) ? carryUnits(draft, units as unknown[]) : [];
  if (list.length > 0) kept["units"] = list;
  return kept;
}

function without(
  draft: Draft,
  section: string,
  map: Record<string, unknown>,
  own: RegExp,
): Record<string, unknown> {
  const entries = Object.entries(map);
  const ours = entries.filter(([key]) => own.test(key)).map(([key]) => key);
  if (ours.length > 0) {
    draft.notes.push(`user-data coreos.${section}: the cluster sets these by itself: ${ours.join(", ")}`);
  }
  return Object.fromEntries(entries.filter(([key]) => !own.test(key)));
}

function carryFleet(draft: Draft, fleet: Record<string, unknown>): Record<string, unknown> {
  const { metadata, agent_ttl, ...rest } = fleet;
  if (typeof metadata === "string") {
    const pairs = metadata.split(",").map((pair) => pair.split("="));
    const entries = pairs.map(([key = "", ...value]) => [key.trim(), value.join("=").trim()]);
    setIn(draft, "machines", "metadata", Object.fromEntries(entries));
  }
  const ttl = typeof agent_ttl === "string" ? parseDuration(agent_ttl) : undefined;
  if (ttl !== undefined) setIn(draft, "fleet", "agentTtl", agent_ttl);
  else if (agent_ttl !== undefined) draft.notes.push("user-data coreos.fleet.agent_ttl: it is no duration");
  return without(draft, "fleet", rest, /^(public_ip|etcd_servers)$/);
}

function carryUnits(draft: Draft, units: readonly unknown[]): unknown[] {
  return units.filter((unit) => {
    const { name, content, drop_ins } = isMap(unit) ? unit : {};
    if (name === "docker-tcp.socket") {
      setIn(draft, "docker", "exposeTcp", true);
      return false;
    }
    if (name === "flanneld.service") {
      draft.notes.push("user-data flanneld.service: only Flatcar and CoreOS have it; leave it out elsewhere");
    }
    return !(
      typeof name === "string" &&
      ownUnits.test(name) &&
      content === undefined &&
      drop_ins === undefined
    );
  });
}
