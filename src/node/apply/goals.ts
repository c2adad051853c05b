import type { CloudConfig, Unit } from "../cloud-config/model.ts";
import { isNetworkFile } from "../cloud-config/parse-unit.ts";
import type { Placed } from "../cloud-config/place.ts";
import { type Addresses, addressNames, variableOf } from "../cloud-config/substitution.ts";
import { type FileGoal, type Goal, type LineSetting, mergeLines } from "./goal.ts";
import {
  dropInGoals,
  flannelGoals,
  oemGoals,
  updateCommands,
  updateGoals,
  updateMasks,
} from "./section-goals.ts";

/** What must be known of the machine to say what a cloud-config means on it. */
export interface Setting {
  readonly addresses: Addresses;
  readonly hostname: string;
}

/** What a cloud-config asks for, in coreos-cloudinit's order. Pure. */
export function goalsOf(config: CloudConfig, machine: Setting): readonly Goal[] {
  const { hostname } = config;
  const all: Goal[] = [
    ...(hostname === undefined
      ? []
      : [{ kind: "hostname", name: hostname.value, place: hostname.place } as const]),
    ...config.users.map((user): Goal => ({ kind: "user", user, place: user.place })),
    ...keyGoals(config),
    ...config.files.map(({ path, content, mode, owner, place }): Goal => {
      return { kind: "file", path, content, mode, owner, unit: unitOf(path), place };
    }),
    ...oemGoals(config),
    ...updateGoals(config),
    ...hostsGoals(config, machine),
    ...flannelGoals(config),
    ...environmentGoals(config, machine.addresses),
    ...config.units.flatMap(unitGoals),
    ...dropInGoals(config),
    ...updateMasks(config),
    ...commandGoals(config),
  ];
  return settleFiles(all);
}

/** Keys of one user may be said in two places: together they are that user's. */
function keyGoals(config: CloudConfig): Goal[] {
  const byUser = new Map<string, Placed<string>[]>();
  const add = (user: string, keys: readonly Placed<string>[]): void => {
    if (keys.length > 0) byUser.set(user, [...(byUser.get(user) ?? []), ...keys]);
  };
  for (const user of config.users) add(user.name, user.keys);
  add("core", config.keys);
  return [...byUser].flatMap(([user, keys]): Goal[] => {
    const [first] = keys;
    if (first === undefined) return [];
    return [{ kind: "keys", user, keys: [...new Set(keys.map(({ value }) => value))], place: first.place }];
  });
}

function hostsGoals(config: CloudConfig, machine: Setting): Goal[] {
  if (config.manageEtcHosts === undefined) return [];
  const text = `127.0.0.1 ${config.hostname?.value ?? machine.hostname}\n`;
  return [{ ...file("/etc/hosts", text, undefined), place: config.manageEtcHosts.place }];
}

/** The machine's own addresses, for units with EnvironmentFile=/etc/environment. */
function environmentGoals(config: CloudConfig, addresses: Addresses): Goal[] {
  const path = "/etc/environment";
  const set = addressNames.flatMap((name): LineSetting[] => {
    const [prefix, address] = [`${variableOf(name)}=`, addresses[name]];
    return address === undefined ? [] : [{ prefix, line: `${prefix}${address}` }];
  });
  if (set.length === 0 || config.files.some((written) => written.path === path)) return [];
  return [{ kind: "lines", path, base: undefined, set, units: [], place: { key: "", line: 1 } }];
}

function unitGoals(unit: Unit): Goal[] {
  const place = unit.place;
  const network = isNetworkFile(unit.name);
  const folder = `/${unit.runtime ? "run" : "etc"}/systemd/${network ? "network" : "system"}`;
  const path = `${folder}/${unit.name}`;
  const goals: Goal[] = [];
  // A mask takes the file's own place: with both, the mask is what remains.
  if (unit.content !== undefined && !unit.mask) goals.push({ ...file(path, unit.content, unit.name), place });
  for (const dropIn of unit.dropIns) {
    goals.push({ ...file(`${path}.d/${dropIn.name}`, dropIn.content, unit.name), place: dropIn.place });
  }
  if (unit.enable && !network) goals.push({ kind: "enable", unit: unit.name, runtime: unit.runtime, place });
  if (unit.mask) goals.push({ kind: "mask", unit: unit.name, path, place });
  return goals;
}

function commandGoals(config: CloudConfig): Goal[] {
  const asked = config.units.flatMap(({ name, command }): Goal[] => {
    if (command === undefined || isNetworkFile(name)) return [];
    return [{ kind: "command", unit: name, command: command.value, ifPresent: false, place: command.place }];
  });
  const names = new Set(config.units.flatMap(({ name, command }) => (command === undefined ? [] : [name])));
  const ours = updateCommands(config).filter((goal) => goal.kind !== "command" || !names.has(goal.unit));
  return [...asked, ...ours];
}

/**
 * Of several files and masks at one path, the last one counts, as when two entries of `units` bear one name; lines that
 * are set in a file written here become part of it.
 */
function settleFiles(goals: readonly Goal[]): readonly Goal[] {
  const last = new Map<string, Goal & { readonly kind: "file" | "mask" }>();
  for (const goal of goals) {
    if (goal.kind === "file" || goal.kind === "mask") last.set(goal.path, goal);
    const written = goal.kind === "lines" ? last.get(goal.path) : undefined;
    if (goal.kind !== "lines" || written?.kind !== "file") continue;
    const merged = mergeLines(new TextDecoder().decode(written.content), goal.set);
    last.set(goal.path, { ...written, content: new TextEncoder().encode(merged) });
  }
  const done = new Set<string>();
  return goals.flatMap((goal): readonly Goal[] => {
    if (goal.kind === "lines") return last.has(goal.path) ? [] : [goal];
    if (goal.kind !== "file" && goal.kind !== "mask") return [goal];
    const final = last.get(goal.path);
    if (final === undefined || done.has(goal.path)) return [];
    done.add(goal.path);
    return [final];
  });
}

/** The unit that a file under systemd's folders belongs to. */
export function unitOf(path: string): string | undefined {
  return /^\/(?:etc|run)\/systemd\/(?:system|network)\/([^/]+?)(?:\.d\/[^/]+\.conf)?$/.exec(path)?.[1];
}

function file(path: string, text: string, unit: string | undefined): FileGoal {
  return { kind: "file", path, content: new TextEncoder().encode(text), mode: 0o644, owner: undefined, unit };
}
