import type { Condition } from "../../lifecycle/state/condition.ts";
import { journalCommand } from "../node-journal.ts";

/** What goes into a bundle for a bug report, decided from what was seen. */

/** Lines of logs and journals, the last ones. */
export const logLines = 2_000;
/** How many logs of runs. */
const logsOfRuns = 5;
/** A larger history is left out, bytes. */
const largestHistory = 2_000_000;

export interface Facts {
  /** Whether the cluster has a state that can be read; else why not. */
  readonly cluster: { readonly known: true } | { readonly known: false; readonly why: string };
  readonly machines: readonly SeenMachine[];
  /** Files of the state folder. */
  readonly files: readonly SeenFile[];
}

export interface SeenMachine {
  readonly name: string;
  readonly condition: Condition;
}

export interface SeenFile {
  /** In the state folder, with slashes: `logs/supervisor.log`. */
  readonly name: string;
  readonly bytes: number;
  /** When it was written last, wall-clock ms. */
  readonly written: number;
}

/** Where an item's text comes from. */
export type Source =
  | { readonly kind: "versions" | "cluster-yaml" | "doctor" | "status" }
  /** A file of the state folder. */
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "console"; readonly node: string }
  | { readonly kind: "command"; readonly node: string; readonly command: string };

export interface Item {
  /** The file's name in the bundle. */
  readonly name: string;
  /** What it is good for. */
  readonly reason: string;
  readonly source: Source;
}

/** Something that the bundle lacks. */
export interface Missing {
  readonly what: string;
  readonly why: string;
}

export interface Collection {
  readonly items: readonly Item[];
  readonly missing: readonly Missing[];
}

/** What there is to collect, and what would have been there in a cluster that is up. */
export function planCollection({ cluster, machines, files }: Facts): Collection {
  const parts = [
    hostPart(cluster.known),
    statePart(files),
    historyPart(files.filter(({ name }) => /^history\/.*\.ndjson$/.test(name))),
    ...machines.map(machinePart),
  ];
  const missing = cluster.known ? [] : [{ what: "the machines", why: cluster.why }];
  return {
    items: parts.flatMap(({ items }) => items),
    missing: [...missing, ...parts.flatMap((part) => part.missing)],
  };
}

function hostPart(known: boolean): Collection {
  const status: Item = {
    name: "status.json",
    reason: "machines, etcd, docker, fleet and units at this moment",
    source: { kind: "status" },
  };
  return {
    items: [
      {
        name: "versions.json",
        reason: "flotilla, Node, this host, and the providers' programs",
        source: { kind: "versions" },
      },
      { name: "cluster.yaml", reason: "what was asked for", source: { kind: "cluster-yaml" } },
      {
        name: "doctor.json",
        reason: "what stands in the way on this host",
        source: { kind: "doctor" },
      },
      ...(known ? [status] : []),
    ],
    missing: [],
  };
}

const stateFiles: Readonly<Record<string, string>> = {
  "state.json": "what is remembered of the cluster",
  "journal.ndjson": "the steps of the last 'cluster up', and how far it came",
  "faults.ndjson": "faults that were injected and healed",
};

function statePart(files: readonly SeenFile[]): Collection {
  const item = (name: string, reason: string): Item => ({
    name: `state/${name}`,
    reason,
    source: { kind: "file", file: name },
  });
  const names = files.map(({ name }) => name).toSorted();
  const logs = names.filter((name) => /^logs\/.*\.log$/.test(name) && !name.endsWith(".console.log"));
  // A run's log is named after its time.
  const ofRuns = logs.filter((name) => /^logs\/\d{4}-/.test(name));
  return {
    items: [
      ...Object.entries(stateFiles).flatMap(([name, reason]) =>
        names.includes(name) ? [item(name, reason)] : [],
      ),
      ...ofRuns.slice(-logsOfRuns).map((name) => item(name, "what one of the last runs did")),
      ...logs
        .filter((name) => !ofRuns.includes(name))
        .map((name) => item(name, "what runs beside the machines says")),
    ],
    missing: [],
  };
}

function historyPart(histories: readonly SeenFile[]): Collection {
  const last = histories.toSorted((a, b) => a.written - b.written).at(-1);
  if (last === undefined) return { items: [], missing: [] };
  const { name, bytes } = last;
  if (bytes > largestHistory) {
    const why = `it is large (${Math.round(bytes / 1e6)} MB); attach it yourself if it matters`;
    return { items: [], missing: [{ what: `state/${name}`, why }] };
  }
  const reason = "what the last scenario did and saw";
  return { items: [{ name: `state/${name}`, reason, source: { kind: "file", file: name } }], missing: [] };
}

function machinePart({ name, condition }: SeenMachine): Collection {
  const console: Item = {
    name: `machines/${name}/console.txt`,
    reason: "how it booted",
    source: { kind: "console", node: name },
  };
  const items = condition === "absent" ? [] : [console];
  if (condition !== "running") return { items, missing: [{ what: name, why: `it is ${condition}` }] };
  const asked = Object.entries(questions).map(([file, { reason, command }]): Item => ({
    name: `machines/${name}/${file}`,
    reason,
    source: { kind: "command", node: name, command },
  }));
  return { items: [...items, ...asked], missing: [] };
}

/** What every machine is asked. A command over ssh may come before a login's PATH. */
const questions: Readonly<Record<string, { readonly reason: string; readonly command: string }>> = {
  "journal.txt": {
    reason: "what our services there have said",
    command: journalCommand(`-n ${logLines}`),
  },
  "cloud-config.txt": {
    reason: "whether its cloud-config could be applied",
    command: "cat /run/flotilla/cloudinit.json",
  },
  "etcd.txt": {
    reason: "etcd's members as it sees them, and their health",
    command: each("PATH=/opt/bin:$PATH ETCDCTL_API=3 etcdctl --command-timeout=3s", [
      "member list -w table",
      "endpoint health --cluster",
      "endpoint status --cluster -w table",
    ]),
  },
  "fleet.txt": {
    reason: "fleet's machines and units as it sees them",
    command: each("PATH=/opt/bin:$PATH fleetctl", [
      "list-machines --full",
      "list-units --full",
      "list-unit-files --full",
    ]),
  },
  "system.txt": {
    reason: "its system: version, memory, disk, what has failed",
    command: "uname -a; cat /etc/os-release; uptime; free -m; df -h; systemctl --no-pager --failed",
  },
};

/** One program with several arguments, whatever becomes of each; the last decides. */
function each(program: string, all: readonly string[]): string {
  return all.map((args) => `${program} ${args}`).join("; ");
}
