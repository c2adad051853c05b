import { AppError } from "../../foundation/errors.ts";
import { readAssignments, type Assignment } from "../ruby/assignments.ts";
import type { RubyValue } from "../ruby/literal.ts";
import { setIn, type Draft } from "./draft.ts";

type Carry = (draft: Draft, value: RubyValue, where: string) => void;

const settings: Readonly<Record<string, Carry>> = {
  num_instances: into("machines", "count"),
  instance_name_prefix: into("machines", "prefix"),
  update_channel: into("os", "channel"),
  image_version: (draft, value, where) => {
    if (value !== "current" && value !== null) {
      draft.notes.push(`${where}: release ${show(value)} is one of CoreOS's; the newest Flatcar is taken`);
    }
  },
  new_discovery_url: (draft, value, where) => {
    if (value === null) return;
    draft.notes.push(`${where}: etcd's members are listed, no token is needed; for one, set etcd.discovery`);
  },
  vm_gui: into("vagrant", "gui"),
  vm_memory: into("machines", "memory"),
  vm_cpus: into("machines", "cpus"),
  vb_cpuexecutioncap: into("vagrant", "cpuCap"),
  enable_serial_logging: into("vagrant", "serialLog"),
  share_home: into("vagrant", "shareHome"),
  expose_docker_tcp: (draft, value, where) => {
    setIn(draft, "docker", "exposeTcp", value !== null && value !== false);
    if (typeof value === "number" && value !== 2375) {
      draft.notes.push(`${where}: docker's port is 2375 of this host, and on from there, not ${value}`);
    }
  },
  forwarded_ports: (draft, value, where) => {
    const entries = value instanceof Map ? [...(value as ReadonlyMap<string | number, RubyValue>)] : [];
    if (entries.length === 0) return;
    draft.file["ports"] = Object.fromEntries(entries.map(([guest, host]) => [String(guest), host]));
    draft.notes.push(`${where}: ports lead to the first machine only, not to every one`);
  },
  shared_folders: (draft, value) => {
    const entries = value instanceof Map ? [...(value as ReadonlyMap<string | number, RubyValue>)] : [];
    if (entries.length > 0) {
      draft.file["sharedFolders"] = entries.map(([host, guest]) => ({ host: String(host), guest }));
    }
  },
};

/** coreos-vagrant's first names for some of them; they won where they were set. */
const olderNames = new Map([
  ["vb_gui", "vm_gui"],
  ["vb_memory", "vm_memory"],
  ["vb_cpus", "vm_cpus"],
]);

/** Carries a config.rb's settings over. @throws E_CONFIG_INVALID when it cannot be read */
export function carryConfigRb(draft: Draft, text: string, path: string): void {
  const read = readAssignments(text);
  if (!read.ok) {
    throw new AppError("E_CONFIG_INVALID", `${path} cannot be read: ${read.message}`, {
      details: [`${path}:${read.line}`],
      hint: "mend that line, then import again; nothing was written",
    });
  }
  const isOlder = ({ name }: Assignment): boolean => olderNames.has(name);
  const plain = read.assignments.filter((one) => !isOlder(one));
  for (const one of [...plain, ...read.assignments.filter(isOlder)]) carry(draft, one);
  if (read.others.length > 0) {
    const lines = read.others.join(", ");
    draft.notes.push(`config.rb, lines ${lines}: Ruby that computes something is not carried over`);
  }
}

function carry(draft: Draft, { name, line, value, conditional }: Assignment): void {
  const where = `config.rb:${line} $${name}`;
  const setting = settings[olderNames.get(name) ?? name];
  if (setting === undefined) draft.notes.push(`${where}: coreos-vagrant has no such setting`);
  // Where it is computed, it is a URL of the discovery service with the number of machines in it.
  else if (name === "new_discovery_url") setting(draft, value?.value ?? "computed", where);
  else if (conditional) draft.notes.push(`${where}: it is set under a condition; write it into cluster.yaml`);
  else if (value === undefined)
    draft.notes.push(`${where}: it is computed; write its value into cluster.yaml`);
  else if (value.value !== null || name === "expose_docker_tcp") setting(draft, value.value, where);
}

function into(section: string, key: string): Carry {
  return (draft, value) => setIn(draft, section, key, value);
}

function show(value: RubyValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
