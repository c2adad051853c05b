import { posix } from "node:path";
import type { CommandResult } from "../../foundation/exec.ts";
import type { Access, FileFact, Machine } from "./machine.ts";

/** A machine that exists in memory only: files, accounts and units, as far as applying a cloud-config touches them. */
export interface MemoryMachine extends Machine {
  readonly files: Map<string, FileFact>;
  /** Names of the units that run. */
  readonly active: Set<string>;
  /** Everything that was run and could have changed something. */
  readonly ran: string[];
}

export interface MemoryMachineOptions {
  /** path → text, mode 0644, root's. */
  readonly files?: Readonly<Record<string, string>>;
  /** Units that exist besides those that are written. */
  readonly units?: readonly string[];
  readonly hostname?: string;
  readonly usrWritable?: boolean;
}

const encoder = new TextEncoder();

export function memoryMachine(options: MemoryMachineOptions = {}): MemoryMachine {
  const files = new Map<string, FileFact>();
  const active = new Set<string>();
  const enabled = new Set<string>();
  const ran: string[] = [];
  let hostname = options.hostname ?? "localhost";
  const put = (path: string, text: string): void => {
    files.set(path, { kind: "file", content: encoder.encode(text), mode: 0o644, uid: 0, gid: 0 });
  };
  put("/etc/passwd", "root:x:0:0::/root:/bin/bash\ncore:x:1000:1000::/home/core:/bin/bash\n");
  put("/etc/shadow", "root:*:1::::::\ncore:*:1::::::\n");
  put("/etc/group", "root:x:0:\ncore:x:1000:\nsudo:x:27:\ndocker:x:103:\n");
  for (const [path, text] of Object.entries(options.files ?? {})) put(path, text);
  const text = (path: string): string => {
    const fact = files.get(path);
    return fact?.kind === "file" ? new TextDecoder().decode(fact.content) : "";
  };
  const own = (access: Access, old: FileFact | undefined): { mode: number; uid: number; gid: number } => ({
    mode: access.mode,
    uid: access.uid ?? (old !== undefined && "uid" in old ? old.uid : 0),
    gid: access.gid ?? (old !== undefined && "gid" in old ? old.gid : 0),
  });
  const exists = (unit: string): boolean =>
    (options.units ?? []).includes(unit) ||
    ["/etc", "/run"].some((top) => {
      const folder = `${top}/systemd/system`;
      return files.has(`${folder}/${unit}`) || files.has(`${folder}/${unit.replace(/@.*\./, "@.")}`);
    });
  const show = (unit: string): string => {
    const load = exists(unit) ? "loaded" : "not-found";
    const state = active.has(unit) ? "active" : "inactive";
    return `Id=${unit}\nLoadState=${load}\nActiveState=${state}\nUnitFileState=${enabled.has(unit) ? "enabled" : "disabled"}`;
  };
  const systemctl = (args: readonly string[]): CommandResult => {
    const verb = args.find((arg) => !arg.startsWith("-")) ?? "";
    const units = args.slice(args.indexOf("--") + 1);
    if (verb === "list-units") {
      return ended(
        0,
        units
          .filter((unit) => active.has(unit))
          .map((unit) => `${unit} loaded active running\n`)
          .join(""),
      );
    }
    if (verb === "show") return ended(0, `${units.map(show).join("\n\n")}\n`);
    if (verb === "daemon-reload" || args.includes("systemd-networkd.service")) return ended(0);
    const missing = units.filter((unit) => !exists(unit));
    if (missing.length > 0) return ended(5, "", `Unit ${missing.join(", ")} not found.`);
    if (verb === "reload" && units.some((unit) => !active.has(unit))) {
      return ended(1, "", `${units.join(", ")} is not active, cannot reload.`);
    }
    for (const unit of units) {
      if (verb === "enable") enabled.add(unit);
      else if (verb === "disable") {
        enabled.delete(unit);
        active.delete(unit);
      } else if (verb === "stop") active.delete(unit);
      else if (!verb.includes("try")) active.add(unit);
    }
    return ended(0);
  };
  const useradd = (args: readonly string[]): CommandResult => {
    const name = args.at(-1) ?? "";
    const option = (flag: string): string | undefined =>
      args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
    const id = 1000 + text("/etc/passwd").split("\n").length;
    put(
      "/etc/passwd",
      `${text("/etc/passwd")}${name}:x:${id}:${id}::${option("--home-dir") ?? `/home/${name}`}:/bin/sh\n`,
    );
    put("/etc/shadow", `${text("/etc/shadow")}${name}:${option("--password") ?? "!"}:1::::::\n`);
    put("/etc/group", `${text("/etc/group")}${name}:x:${id}:\n`);
    return ended(0);
  };
  const programs: Readonly<Record<string, (args: readonly string[], input: string) => CommandResult>> = {
    systemctl,
    useradd,
    hostname: ([name = ""]) => {
      hostname = name;
      return ended(0);
    },
    chpasswd: (_args, input) => {
      const [name = "", hash = ""] = input.trim().split(":");
      put(
        "/etc/shadow",
        text("/etc/shadow").replace(new RegExp(`^${name}:[^:]*`, "m"), () => `${name}:${hash}`),
      );
      return ended(0);
    },
  };
  return {
    files,
    active,
    ran,
    look: (path) => Promise.resolve(files.get(path)),
    names: (folder) => {
      const inside = [...files.keys()].filter((path) => posix.dirname(path) === folder);
      return Promise.resolve(inside.map((path) => posix.basename(path)).toSorted());
    },
    write: (path, content, access) => {
      files.set(path, { kind: "file", content, ...own(access, undefined) });
      return Promise.resolve();
    },
    folder: (path, access) => {
      files.set(path, { kind: "folder", ...own(access, files.get(path)) });
      return Promise.resolve();
    },
    link: (path, target) => {
      files.set(path, { kind: "link", target });
      return Promise.resolve();
    },
    remove: (path) => {
      files.delete(path);
      return Promise.resolve();
    },
    removeIfEmpty: (folder) => {
      if (![...files.keys()].some((path) => path.startsWith(`${folder}/`))) files.delete(folder);
      return Promise.resolve();
    },
    writable: (folder) => Promise.resolve(folder !== "/usr" || (options.usrWritable ?? true)),
    hostname: () => Promise.resolve(hostname),
    run: ([program, ...args], input) => {
      if (!args.includes("show") && !args.includes("list-units")) ran.push([program, ...args].join(" "));
      const act = programs[program];
      return Promise.resolve(act === undefined ? { ...ended(1), missing: true } : act(args, input ?? ""));
    },
  };
}

function ended(code: number, stdout = "", stderr = ""): CommandResult {
  return { code, stdout, stderr, timedOut: false, missing: false };
}
