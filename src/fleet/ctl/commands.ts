import type { CommandSpec, OptionSpec } from "./command.ts";

const full: OptionSpec = { name: "full", kind: "boolean", short: "l", help: "do not shorten ids and hashes" };
const legend: OptionSpec = { name: "no-legend", kind: "boolean", help: "leave the header out" };
const json: OptionSpec = {
  name: "json",
  kind: "boolean",
  help: "print one JSON document instead of a table",
};
const fields = (standard: string): OptionSpec => ({
  name: "fields",
  kind: "string",
  standard,
  help: "columns, separated by commas",
});
const noBlock: OptionSpec = { name: "no-block", kind: "boolean", help: "do not wait until it is so" };
const attempts: OptionSpec = {
  name: "block-attempts",
  kind: "number",
  standard: "0",
  help: "how often to look, once in 2 s, before giving up; 0 for ever",
};
const replace: OptionSpec = {
  name: "replace",
  kind: "boolean",
  help: "replace the unit in the registry by the local file",
};
const sign: OptionSpec = { name: "sign", kind: "boolean", help: "has no effect" };
const sshPort: OptionSpec = {
  name: "ssh-port",
  kind: "number",
  standard: "22",
  help: "ssh port of the machines",
};

/** Every command, in the order of the help. */
export const commands: readonly CommandSpec[] = [
  {
    name: "cat",
    summary: "Print a unit file as the registry holds it",
    usage: "UNIT",
    description: "Prints the unit file in its canonical form: without comments, sections merged.",
    options: [],
    load: async () => (await import("./cat.ts")).cat,
  },
  {
    name: "destroy",
    summary: "Stop units and remove them from the cluster",
    usage: "[--no-block|--block-attempts=N] UNIT...",
    description: "Removes the units from the registry and waits until no machine has them any more.",
    options: [noBlock, attempts],
    load: async () => (await import("./destroy.ts")).destroy,
  },
  {
    name: "drain",
    summary: "Move all units off machines and keep them empty",
    usage: "[--no-block|--block-attempts=N] MACHINE...",
    description:
      "MACHINE is an id, its beginning, or an address. Each unit stops before it starts elsewhere. Global units stay. It holds until 'fleetctl uncordon', also over a restart of the machine.",
    options: [noBlock, attempts],
    added: true,
    load: async () => (await import("./drain.ts")).drain,
  },
  {
    name: "explain",
    summary: "Say why units are where they are, or nowhere",
    usage: "[--full] [--json] UNIT...",
    description: "For each machine: what keeps the unit off it, and what would have to change.",
    options: [full, json],
    added: true,
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    name: "fd-forward",
    summary: "Join standard input and output with a unix socket",
    usage: "SOCKET",
    description: "Used by --tunnel on the far side.",
    options: [],
    load: async () => (await import("./fd-forward.ts")).fdForward,
  },
  {
    name: "help",
    summary: "Say how a command is used",
    usage: "[COMMAND]",
    description: "Without a command: the list of all commands.",
    options: [],
    load: async () => (await import("./help.ts")).help,
  },
  {
    name: "journal",
    summary: "Print the journal of a unit",
    usage: "[--lines=N] [-f|--follow] [--output=FORMAT] [--sudo] UNIT",
    description:
      "Prints the last lines of the unit's journal, wherever the unit runs; for a global unit on each machine.",
    options: [
      { name: "lines", kind: "number", short: "n", standard: "10", help: "how many lines" },
      { name: "follow", kind: "boolean", short: "f", help: "go on printing as lines come" },
      { name: "output", kind: "string", standard: "short", help: "journalctl's output format" },
      { name: "sudo", kind: "boolean", help: "run journalctl with sudo" },
      sshPort,
    ],
    load: async () => (await import("./journal.ts")).journal,
  },
  {
    name: "list-machines",
    summary: "List the machines of the cluster",
    usage: "[-l|--full] [--no-legend] [--fields=FIELDS] [--json]",
    description: "Fields: ip, machine, metadata.",
    options: [fields("machine,ip,metadata"), full, legend, json],
    load: async () => (await import("./list-machines.ts")).listMachines,
  },
  {
    name: "list-unit-files",
    summary: "List the units of the registry",
    usage: "[--full] [--no-legend] [--fields=FIELDS] [--json]",
    description: "Fields: desc, dstate, global, hash, state, target, unit.",
    options: [fields("unit,hash,dstate,state,target"), full, legend, json],
    load: async () => (await import("./list-unit-files.ts")).listUnitFiles,
  },
  {
    name: "list-units",
    summary: "List what systemd says of the units",
    usage: "[-l|--full] [--no-legend] [--fields=FIELDS] [--json]",
    description: "One line for each unit on each machine. Fields: active, hash, load, machine, sub, unit.",
    options: [fields("unit,machine,active,sub"), full, legend, json],
    load: async () => (await import("./list-units.ts")).listUnits,
  },
  {
    name: "load",
    summary: "Schedule units, but do not start them",
    usage: "[--no-block|--block-attempts=N] [--replace] UNIT...",
    description: "Submits the units first where needed, from local files or templates.",
    options: [noBlock, attempts, replace, sign],
    load: async () => (await import("./activate.ts")).load,
  },
  {
    name: "restart",
    summary: "Stop and start units where they are",
    usage: "[--block-attempts=N] UNIT...",
    description: "A global unit is restarted by systemd on each machine, one after the other.",
    options: [attempts, sshPort],
    load: async () => (await import("./restart.ts")).restart,
  },
  {
    name: "ssh",
    summary: "Open a shell on a machine, or run a command there",
    usage: "[-A|--forward-agent] [--ssh-port=N] [--machine|--unit] {MACHINE|UNIT} [COMMAND...]",
    description: "The exit code is the command's.",
    options: [
      { name: "machine", kind: "string", help: "a machine's id, or how it begins" },
      { name: "unit", kind: "string", help: "the machine on which this unit is" },
      { name: "forward-agent", kind: "boolean", short: "A", help: "let the command use our ssh-agent" },
      sshPort,
    ],
    passesThrough: true,
    load: async () => (await import("./ssh.ts")).ssh,
  },
  {
    name: "start",
    summary: "Schedule and start units",
    usage: "[--no-block|--block-attempts=N] [--replace] UNIT...",
    description: "Submits the units first where needed, and waits until systemd says that they are active.",
    options: [noBlock, attempts, replace, sign],
    load: async () => (await import("./activate.ts")).start,
  },
  {
    name: "status",
    summary: "Print what systemctl status says of units",
    usage: "[--ssh-port=N] UNIT...",
    description: "Asks the machine on which the unit is; for a global unit each of its machines.",
    options: [sshPort],
    load: async () => (await import("./status.ts")).status,
  },
  {
    name: "stop",
    summary: "Stop units, but leave them scheduled",
    usage: "[--no-block|--block-attempts=N] UNIT...",
    description: "The units stay loaded on their machines.",
    options: [noBlock, attempts],
    load: async () => (await import("./deactivate.ts")).stop,
  },
  {
    name: "submit",
    summary: "Put units into the registry",
    usage: "[--replace] UNIT...",
    description: "Nothing is scheduled yet.",
    options: [replace, sign],
    load: async () => (await import("./activate.ts")).submit,
  },
  {
    name: "uncordon",
    summary: "Let machines that were drained take units again",
    usage: "MACHINE...",
    description: "MACHINE is an id, its beginning, or an address. Nothing moves back by itself.",
    options: [],
    added: true,
    load: async () => (await import("./drain.ts")).uncordon,
  },
  {
    name: "unload",
    summary: "Stop units and take them off their machines",
    usage: "[--no-block|--block-attempts=N] UNIT...",
    description: "The units stay in the registry.",
    options: [noBlock, attempts],
    load: async () => (await import("./deactivate.ts")).unload,
  },
  {
    name: "verify",
    summary: "Deprecated",
    usage: "UNIT",
    description: "Signed units are no longer a part of fleet.",
    options: [],
    load: async () => (await import("./version.ts")).verify,
  },
  {
    name: "version",
    summary: "Print the version",
    usage: "",
    description: "Prints the version of fleetctl.",
    options: [],
    load: async () => (await import("./version.ts")).version,
  },
];

/**
 * The command that is meant by its name or by the beginning of its name, if only one begins so. Scripts rely on the
 * beginnings that were unique in fleet 1.0, so its commands come before ours.
 */
export function findCommand(word: string): CommandSpec | undefined {
  const exact = commands.find(({ name }) => name === word);
  if (exact !== undefined) return exact;
  const beginning = commands.filter(({ name }) => name.startsWith(word));
  const fleets = beginning.filter(({ added }) => added !== true);
  const [only, ...others] = fleets.length > 0 ? fleets : beginning;
  return others.length === 0 ? only : undefined;
}
