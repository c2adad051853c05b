import { posix } from "node:path";
import type { Access, FileFact, Machine } from "./machine.ts";
import { putText, runInMemory, type MemoryHost } from "./memory-programs.ts";

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

export function memoryMachine(options: MemoryMachineOptions = {}): MemoryMachine {
  const host = newHost(options);
  const { files, active } = host;
  const ran: string[] = [];
  return {
    files,
    active,
    ran,
    ...filesIn(files),
    writable: (folder) => Promise.resolve(folder !== "/usr" || (options.usrWritable ?? true)),
    hostname: () => Promise.resolve(host.hostname),
    run: ([program, ...args], input) => {
      if (!args.includes("show") && !args.includes("list-units")) ran.push([program, ...args].join(" "));
      return Promise.resolve(runInMemory(host, [program, ...args], input ?? ""));
    },
  };
}

function newHost(options: MemoryMachineOptions): MemoryHost {
  const host: MemoryHost = {
    files: new Map(),
    active: new Set(),
    enabled: new Set(),
    units: options.units ?? [],
    hostname: options.hostname ?? "localhost",
  };
  putText(host, "/etc/passwd", "root:x:0:0::/root:/bin/bash\ncore:x:1000:1000::/home/core:/bin/bash\n");
  putText(host, "/etc/shadow", "root:*:1::::::\ncore:*:1::::::\n");
  putText(host, "/etc/group", "root:x:0:\ncore:x:1000:\nsudo:x:27:\ndocker:x:103:\n");
  for (const [path, text] of Object.entries(options.files ?? {})) putText(host, path, text);
  return host;
}

function filesIn(
  files: Map<string, FileFact>,
): Pick<Machine, "look" | "names" | "write" | "folder" | "link" | "remove" | "removeIfEmpty"> {
  return {
    look: (path) => Promise.resolve(files.get(path)),
    names: (folder) => {
      const inside = [...files.keys()].filter((path) => posix.dirname(path) === folder);
      return Promise.resolve(inside.map((path) => posix.basename(path)).toSorted());
    },
    write: async (path, content, access) => {
      files.set(path, { kind: "file", content, ...own(access, undefined) });
    },
    folder: async (path, access) => {
      files.set(path, { kind: "folder", ...own(access, files.get(path)) });
    },
    link: async (path, target) => {
      files.set(path, { kind: "link", target });
    },
    remove: async (path) => {
      files.delete(path);
    },
    removeIfEmpty: async (folder) => {
      if (![...files.keys()].some((path) => path.startsWith(`${folder}/`))) files.delete(folder);
    },
  };
}

function own(access: Access, old: FileFact | undefined): { mode: number; uid: number; gid: number } {
  return {
    mode: access.mode,
    uid: access.uid ?? (old !== undefined && "uid" in old ? old.uid : 0),
    gid: access.gid ?? (old !== undefined && "gid" in old ? old.gid : 0),
  };
}
