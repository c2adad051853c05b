import { AppError } from "../../foundation/errors.ts";
import type { FaultRequest } from "../../failover/fault-command.ts";
import type { Context } from "../context.ts";
import { valueOf, type Command, type Input, type Option } from "../command.ts";

const settings: readonly Option[] = [
  {
    name: "--process",
    value: "NAME",
    summary: "of process-kill, process-pause",
    choices: ["fleetd", "etcd", "docker"],
  },
  { name: "--unit", value: "UNIT", summary: "of unit-crash" },
  { name: "--container", value: "NAME", summary: "of container-kill" },
  { name: "--direction", value: "WAY", summary: "of partition", choices: ["both", "in", "out"] },
  { name: "--only", value: "WHAT", summary: "of partition: these ports only", choices: ["etcd"] },
  { name: "--flap", value: "TIME", summary: "of partition: off and on by turns" },
  { name: "--percent", value: "N", summary: "of packet-loss" },
  { name: "--delay", value: "TIME", summary: "of packet-delay" },
  { name: "--size", value: "AMOUNT", summary: "of memory-pressure, e.g. 200MB" },
  { name: "--by", value: "TIME", summary: "of clock-step" },
  { name: "--ttl", value: "TIME", summary: "undone by itself after (2m)" },
];

const inject: Command = {
  name: "inject",
  summary: "break machines now, until it is healed or its time is over",
  args: [
    {
      name: "FAULT",
      summary: "e.g. power-cut, partition, freeze; docs/scenarios.md lists all",
      required: true,
      many: false,
    },
    {
      name: "VICTIM",
      summary: "machines, or words such as 'etcd leader', 'a minority'",
      required: true,
      many: true,
      completes: "node",
    },
  ],
  options: settings,
  examples: [
    {
      command: "cluster fault inject partition core-02 --ttl 30s",
      meaning: "core-02 and the others no longer hear each other",
    },
    {
      command: "cluster fault inject process-kill 'etcd leader' --process etcd",
      meaning: "as kill -9 would",
    },
  ],
  run: async (context, input) => {
    const { injectFault } = await import("../../failover/fault-command.ts");
    const [fault, ...victims] = input.args;
    return await injectFault(await context.world(), await request(context), {
      inject: fault,
      victims,
      ...Object.fromEntries(settings.flatMap(({ name }) => given(input, name))),
    });
  },
};

const list: Command = {
  name: "list",
  summary: "what is broken right now, by whomever, and who will undo it",
  args: [],
  options: [],
  examples: [{ command: "cluster fault list", meaning: "also finds what a killed test left" }],
  run: async (context) => {
    const [{ listFaults }, { table }] = await Promise.all([
      import("../../failover/fault-command.ts"),
      import("../show/table.ts"),
    ]);
    const faults = await listFaults(await context.world(), { dir: await context.clusterDir() });
    const rows = faults.map(({ id, node, heldBy, left }) => [
      id,
      node,
      heldBy,
      left === undefined ? "-" : `${Math.ceil(left / 1_000)} s`,
    ]);
    const text =
      rows.length === 0
        ? "nothing is broken\n"
        : table([["FAULT", "MACHINE", "UNDONE BY", "WITHIN"], ...rows]);
    context.result(text, { v: 1, faults });
    return 0;
  },
};

const heal: Command = {
  name: "heal",
  summary: "mend what is broken, also what a killed test left",
  args: [
    {
      name: "ID",
      summary: "as 'cluster fault list' shows them; none means all",
      required: false,
      many: true,
    },
  ],
  options: [],
  examples: [{ command: "cluster fault heal", meaning: "everything" }],
  run: async (context, input) => {
    const { healFaults } = await import("../../failover/fault-command.ts");
    return await healFaults(await context.world(), await request(context), input.args);
  },
};

export const fault: Command = {
  name: "fault",
  summary: "single faults by hand: inject, list, heal",
  args: [],
  options: [],
  examples: [],
  subcommands: [inject, list, heal],
  run: () => Promise.resolve(0),
};

async function request(context: Context): Promise<FaultRequest> {
  const tell = (line: string): void =>
    context.json ? context.emit({ kind: "note", message: line }) : void context.io.stdout.write(`${line}\n`);
  return { dir: await context.clusterDir(), tell };
}

function given(input: Input, option: string): [string, string | number][] {
  const text = valueOf(input, option);
  if (text === undefined) return [];
  if (option !== "--percent") return [[option.slice(2), text]];
  if (!/^\d{1,3}$/.test(text)) throw new AppError("E_USAGE", `--percent: "${text}" is not a whole number`);
  return [["percent", Number(text)]];
}
