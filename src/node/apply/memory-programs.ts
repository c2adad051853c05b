import type { CommandResult } from "../../foundation/exec.ts";
import type { FileFact } from "./machine.ts";

/** What the programs of a machine in memory read and change. */
export interface MemoryHost {
  readonly files: Map<string, FileFact>;
  readonly active: Set<string>;
  readonly enabled: Set<string>;
  /** Units that exist besides those that are written. */
  readonly units: readonly string[];
  hostname: string;
}

/** Runs a program as the real one would act; one that is not known here is missing. */
export function runInMemory(
  host: MemoryHost,
  [program, ...args]: readonly [string, ...string[]],
  input: string,
): CommandResult {
  switch (program) {
    case "systemctl":
      return systemctl(host, args);
    case "useradd":
      return useradd(host, args);
    case "chpasswd":
      return chpasswd(host, input);
    case "hostname":
      host.hostname = args[0] ?? "";
      return ended(0);
    default:
      return { ...ended(1), missing: true };
  }
}

/** Writes a text as root would. */
export function putText({ files }: MemoryHost, path: string, text: string): void {
  files.set(path, { kind: "file", content: new TextEncoder().encode(text), mode: 0o644, uid: 0, gid: 0 });
}

function textOf({ files }: MemoryHost, path: string): string {
  const fact = files.get(path);
  return fact?.kind === "file" ? new TextDecoder().decode(fact.content) : "";
}

function systemctl(host: MemoryHost, args: readonly string[]): CommandResult {
  const { active } = host;
  const verb = args.find((arg) => !arg.startsWith("-")) ?? "";
  const units = args.slice(args.indexOf("--") + 1);
  if (verb === "list-units") {
    const running = units.filter((unit) => active.has(unit));
    return ended(0, running.map((unit) => `${unit} loaded active running\n`).join(""));
  }
  if (verb === "show") return ended(0, `${units.map((unit) => show(host, unit)).join("\n\n")}\n`);
  if (verb === "daemon-reload" || args.includes("systemd-networkd.service")) return ended(0);
  const missing = units.filter((unit) => !exists(host, unit));
  if (missing.length > 0) return ended(5, "", `Unit ${missing.join(", ")} not found.`);
  if (verb === "reload" && units.some((unit) => !active.has(unit))) {
    return ended(1, "", `${units.join(", ")} is not active, cannot reload.`);
  }
  for (const unit of units) change(host, verb, unit);
  return ended(0);
}

function change({ active, enabled }: MemoryHost, verb: string, unit: string): void {
  if (verb === "enable") enabled.add(unit);
  else if (verb === "disable") {
    enabled.delete(unit);
    active.delete(unit);
  } else if (verb === "stop") active.delete(unit);
  else if (!verb.includes("try")) active.add(unit);
}

function show(host: MemoryHost, unit: string): string {
  return [
    `Id=${unit}`,
    `LoadState=${exists(host, unit) ? "loaded" : "not-found"}`,
    `ActiveState=${host.active.has(unit) ? "active" : "inactive"}`,
    `UnitFileState=${host.enabled.has(unit) ? "enabled" : "disabled"}`,
  ].join("\n");
}

function exists({ units, files }: MemoryHost, unit: string): boolean {
  const folders = ["/etc/systemd/system", "/run/systemd/system"];
  return (
    units.includes(unit) ||
    folders.some(
      (folder) => files.has(`${folder}/${unit}`) || files.has(`${folder}/${unit.replace(/@.*\./, "@.")}`),
    )
  );
}

function useradd(host: MemoryHost, args: readonly string[]): CommandResult {
  const name = args.at(-1) ?? "";
  const option = (flag: string): string | undefined =>
    args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
  const append = (path: string, line: string): void => putText(host, path, `${textOf(host, path)}${line}\n`);
  const id = 1000 + textOf(host, "/etc/passwd").split("\n").length;
  append("/etc/passwd", `${name}:x:${id}:${id}::${option("--home-dir") ?? `/home/${name}`}:/bin/sh`);
  append("/etc/shadow", `${name}:${option("--password") ?? "!"}:1::::::`);
  append("/etc/group", `${name}:x:${id}:`);
  return ended(0);
}

function chpasswd(host: MemoryHost, input: string): CommandResult {
  const [name = "", hash = ""] = input.trim().split(":");
  const line = new RegExp(`^${name}:[^:]*`, "m");
  const shadow = textOf(host, "/etc/shadow").replace(line, () => `${name}:${hash}`);
  putText(host, "/etc/shadow", shadow);
  return ended(0);
}

function ended(code: number, stdout = "", stderr = ""): CommandResult {
  return { code, stdout, stderr, timedOut: false, missing: false };
}
