import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cgroupAt, findHierarchies } from "../../src/provider/nspawn/cgroups.ts";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { findSupervisor } from "../../src/provider/nspawn/supervisor/process.ts";
import { initOf } from "../../src/provider/nspawn/supervisor/boot.ts";

const execute = promisify(execFile);

/** What faults could leave: by what it is (`core-01 rules`), the lines that show it. */
export type Traces = ReadonlyMap<string, readonly string[]>;

/** Where to look. */
export interface Place {
  readonly dir: string;
  readonly nodes: readonly string[];
}

/**
 * Looks at the host and, from the host, into every machine, so that a machine that stands still can be looked at too:
 * firewall rules, links, stopped processes, frozen groups, files, and whether the supervisor is still the same. Must run in
 * the cluster's network namespace.
 */
export async function readTraces({ dir, nodes }: Place): Promise<Traces> {
  const all = await Promise.all([hostTraces(dir), ...nodes.map((node) => nodeTraces(dir, node))]);
  return new Map(all.flat());
}

/** What differs, a line each; none when all is as before. */
export function differences(before: Traces, now: Traces): string[] {
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what) ?? [], now.get(what) ?? []];
    const gone = was.filter((line) => !is.includes(line)).map((line) => `${what}: - ${line}`);
    return [...gone, ...is.filter((line) => !was.includes(line)).map((line) => `${what}: + ${line}`)];
  });
}

type Named = [string, readonly string[]];

async function hostTraces(dir: string): Promise<Named[]> {
  const names = hostNames({ name: "lab", dir });
  const state = join(dir, ".state");
  const [rules, links, promises, files, frozen, supervisor] = await Promise.all([
    lines("nft", "-s", "list", "ruleset"),
    lines("ip", "-brief", "link"),
    readdir(names.runtimeDir),
    readdir(state),
    frozenGroups(names.cgroup),
    findSupervisor(names),
  ]);
  return [
    ["host rules", rules],
    // A cable's flags tell whether the machine at its other end runs.
    ["host links", links.map((line) => line.replace(/@\S+/, "").replaceAll(/ +/g, " "))],
    ["host files in /run", promises.toSorted()],
    // The journal, the lock of a dead run and the like are meant to outlive it.
    ["host files in .state", files.filter((file) => !/^(lock|faults|journal|history|logs)/.test(file))],
    ["host frozen", frozen],
    // One that dies with the controller leaves its promises to the next, and nobody may come to start that.
    ["host supervisor", supervisor === undefined ? [] : [String(supervisor.pid)]],
  ];
}

async function frozenGroups(cgroup: string): Promise<string[]> {
  const group = join(findHierarchies().unified ?? "", cgroup);
  const nodes = (await readdir(group, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const states = await Promise.all(
    nodes.map(async ({ name }) => [
      name,
      await readFile(join(group, name, "cgroup.freeze"), "utf8").catch(() => "gone"),
    ]),
  );
  return states.filter(([, state]) => state?.trim() === "1").map(([name = ""]) => name);
}

/** Everything in one go, in parts that a line of its own separates. */
const look = [
  "nft -s list ruleset; echo ---",
  // Docker's bridge has another hardware address after each start of the machine.
  "ip -brief link | sed 's/@[^ ]*//; /^docker0/s/02:42:[^ ]*//' | tr -s ' '; tc qdisc show; echo ---",
  "grep -ls '^State:.T' /proc/[0-9]*/status | while read -r file; do sed -n 's/^Name:.//p' $file; done; echo ---",
  "grep -ls flotilla-fault /proc/[0-9]*/cgroup | while read -r file; do cat ${file%cgroup}comm 2>/dev/null; done; echo ---",
  "ls /run/systemd/transient 2>/dev/null | grep -v '^session-'",
  "find /run /tmp /var/tmp /var/lib -xdev -maxdepth 2 -name '*flotilla-fault*'",
  "find /etc /home /root /opt -xdev ! -name '*.swp' -printf '%p %m %s\\n'",
].join("\n");
const parts = ["rules", "links", "stopped", "processes of faults", "files"];

async function nodeTraces(dir: string, node: string): Promise<Named[]> {
  const [hierarchies, group] = [findHierarchies(), join(hostNames({ name: "lab", dir }).cgroup, node)];
  const init = await initOf(hierarchies, group);
  if (init === undefined) {
    return [[`${node} power`, [(await cgroupAt(hierarchies, group).populated()) ? "just on" : "off"]]];
  }
  const enter = ["-t", String(init), "--mount", "--net", "--pid", "--", "sh", "-c", look];
  const text = await lines("nsenter", ...enter).catch(() => ["cannot be looked at"]);
  const blocks = text.join("\n").split(/^---$/m);
  return blocks.map((block, index) => [
    `${node} ${parts[index]}`,
    block
      .split("\n")
      .filter((line) => line !== "")
      .toSorted(),
  ]);
}

async function lines(file: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await execute(file, args, { maxBuffer: 10_000_000, timeout: 10_000 });
  return stdout.split("\n").filter((line) => line !== "");
}
