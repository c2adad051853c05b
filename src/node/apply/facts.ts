import { type Accounts, parseAccounts } from "./accounts.ts";
import type { Goal } from "./goal.ts";
import type { FileFact, Machine } from "./machine.ts";

/** What is true of a machine, as far as some goals care. */
export interface Facts {
  readonly files: ReadonlyMap<string, FileFact>;
  /** Folder → the names in it. */
  readonly folders: ReadonlyMap<string, readonly string[]>;
  readonly accounts: Accounts;
  readonly hostname: string;
  readonly units: ReadonlyMap<string, UnitFact>;
  readonly usrWritable: boolean;
}

export interface UnitFact {
  /** systemd's LoadState, e.g. `loaded`, `not-found`, `masked`. */
  readonly load: string;
  /** Running, or on its way. */
  readonly active: boolean;
  /** systemd's UnitFileState, e.g. `enabled`, `static`. */
  readonly fileState: string;
}

/** Looks at what the goals are about, and at `paths`; changes nothing. Without `units` systemd is not asked. */
export async function observe(
  goals: readonly Goal[],
  machine: Machine,
  options: { readonly units: boolean; readonly paths: readonly string[] },
): Promise<Facts> {
  const accounts = await readAccounts(machine);
  const files = new Map<string, FileFact>();
  const folders = new Map<string, readonly string[]>();
  const look = async (path: string): Promise<void> => {
    const fact = await machine.look(path);
    if (fact !== undefined) files.set(path, fact);
  };
  for (const path of new Set([...goals.flatMap((goal) => pathsOf(goal)), ...options.paths])) await look(path);
  for (const goal of goals) {
    if (goal.kind !== "keys") continue;
    const ssh = `${accounts.users.get(goal.user)?.home ?? `/home/${goal.user}`}/.ssh`;
    const folder = `${ssh}/authorized_keys.d`;
    const names = await machine.names(folder);
    folders.set(folder, names);
    const paths = [ssh, folder, `${ssh}/authorized_keys`, ...names.map((name) => `${folder}/${name}`)];
    for (const path of paths) await look(path);
  }
  return {
    files,
    folders,
    accounts,
    hostname: await machine.hostname(),
    units: options.units ? await readUnits(goals, machine) : new Map<string, UnitFact>(),
    usrWritable: await machine.writable("/usr"),
  };
}

/** The machine's users and groups. */
export async function readAccounts(machine: Machine): Promise<Accounts> {
  const read = async (path: string): Promise<string> => textOf(await machine.look(path));
  return parseAccounts({
    passwd: await read("/etc/passwd"),
    shadow: await read("/etc/shadow"),
    group: await read("/etc/group"),
  });
}

/** The text of a file, empty when there is none. */
export function textOf(fact: FileFact | undefined): string {
  return fact?.kind === "file" ? new TextDecoder().decode(fact.content) : "";
}

function pathsOf(goal: Goal): readonly string[] {
  if (goal.kind === "hostname") return ["/etc/hostname"];
  if (goal.kind === "lines") return goal.base === undefined ? [goal.path] : [goal.path, goal.base];
  return goal.kind === "file" || goal.kind === "mask" ? [goal.path] : [];
}

const properties = ["Id", "LoadState", "ActiveState", "UnitFileState"];

/** One question to systemd about all units; it answers in the order of asking, with an empty line between two. */
async function readUnits(goals: readonly Goal[], machine: Machine): Promise<ReadonlyMap<string, UnitFact>> {
  const names = [
    ...new Set(
      goals.flatMap((goal) => (goal.kind === "command" || goal.kind === "enable" ? [goal.unit] : [])),
    ),
  ];
  if (names.length === 0) return new Map();
  const { stdout } = await machine.run([
    "systemctl",
    "show",
    `--property=${properties.join(",")}`,
    "--",
    ...names,
  ]);
  const answers = stdout.trim().split("\n\n");
  return new Map(names.map((name, index) => [name, parseUnit(answers[index] ?? "")]));
}

function parseUnit(text: string): UnitFact {
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
  return {
    load: value("LoadState"),
    active: ["active", "activating", "reloading"].includes(value("ActiveState")),
    fileState: value("UnitFileState"),
  };
}
