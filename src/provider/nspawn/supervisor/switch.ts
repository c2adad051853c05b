import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { waitFor } from "../../../foundation/clock.ts";
import type { Exec } from "../../../foundation/exec.ts";
import { readIfExists } from "../../../foundation/files.ts";
import type { Log } from "../../../foundation/log.ts";
import type { Cgroup, Hierarchies } from "../cgroups.ts";
import { cgroupAt } from "../cgroups.ts";
import type { HostNames } from "../names.ts";
import { hostInterface } from "../names.ts";
import { cutCable } from "../network.ts";
import type { NodeRecord } from "../record.ts";
import { nodePaths } from "../record.ts";
import { initOf, spawnNode } from "./boot.ts";
import type { SupervisorConfig } from "./config.ts";

/** Where nodes run, and with what they are switched. */
export interface PowerRoom {
  readonly config: () => SupervisorConfig;
  readonly names: HostNames;
  readonly hierarchies: Hierarchies;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
}

/** Mounting and the first process, ms. */
const startPatience = 15_000;

export function cgroupOf({ hierarchies, names }: PowerRoom, node: string): Cgroup {
  return cgroupAt(hierarchies, join(names.cgroup, node));
}

/** Begins to boot a node that is off, and returns the id of this boot. */
export async function beginBoot(room: PowerRoom, record: NodeRecord): Promise<string> {
  const group = cgroupOf(room, record.name);
  await clearAway(room, record);
  await group.create({ memory: record.memory, cpus: record.cpus });
  const boot = randomBytes(4).toString("hex");
  await spawnNode({
    config: room.config(),
    names: room.names,
    record,
    paths: nodePaths({ stateDir: room.config().stateDir }, record.name),
    joins: group.joins,
    exitFile: exitFileOf(room, record.name, boot),
    onTrouble: (error) =>
      room.log.error("cannot start a process", { node: record.name, error: error.message }),
  });
  return boot;
}

/** Waits until a boot that has begun has its process 1. False when it ended before, or took too long. */
export async function comesUp(room: PowerRoom, node: string, boot: string): Promise<boolean> {
  const ready = await waitFor(
    async () => {
      if ((await readIfExists(exitFileOf(room, node, boot))) !== undefined) return "ended";
      return (await processOne(room, node)) === undefined ? undefined : "runs";
    },
    { clock: room.clock, every: 10, within: startPatience },
  );
  return ready === "runs";
}

/** Removes what is left of a node that is off, or is to be off at once. */
export async function clearAway(room: PowerRoom, record: NodeRecord): Promise<void> {
  const { names } = room;
  await cutCable(room.exec, hostInterface(names, record.index));
  await cgroupOf(room, record.name).end(room.clock);
  const files = (await readdir(names.runtimeDir)).filter((file) => file.startsWith(`${record.name}.`));
  for (const file of files) await rm(join(names.runtimeDir, file), { force: true });
}

/** How that boot of the node ended; undefined while it runs. The code is not a number when nobody could tell it. */
export async function endOf(
  room: PowerRoom,
  node: string,
  boot: string,
): Promise<{ readonly code: number } | undefined> {
  const read = async (): Promise<{ readonly code: number } | undefined> => {
    const code = await readIfExists(exitFileOf(room, node, boot));
    return code === undefined ? undefined : { code: Number(code) };
  };
  const end = await read();
  if (end !== undefined || (await cgroupOf(room, node).populated())) return end;
  // Its processes are gone. Whoever writes the code is about to, unless it was killed together with the node.
  return (await waitFor(read, { clock: room.clock, every: 10, within: 1_000 })) ?? { code: Number.NaN };
}

/** The host's number of the node's process 1. */
export async function processOne(room: PowerRoom, node: string): Promise<number | undefined> {
  return await initOf(room.hierarchies, join(room.names.cgroup, node));
}

function exitFileOf({ names }: PowerRoom, node: string, boot: string): string {
  return join(names.runtimeDir, `${node}.${boot}.exit`);
}
