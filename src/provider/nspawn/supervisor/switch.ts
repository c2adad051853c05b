import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../../../foundation/clock.ts";
import { readIfExists } from "../../../foundation/files.ts";
import type { Cgroup } from "../cgroups.ts";
import { cgroupAt } from "../cgroups.ts";
import { hostInterface } from "../names.ts";
import { cutCable } from "../network.ts";
import type { NodeRecord } from "../record.ts";
import { nodePaths } from "../record.ts";
import { initOf, spawnNode } from "./boot.ts";
import type { SupervisorTools } from "./tools.ts";

/** Mounting and the first process, ms. */
const startPatience = 15_000;

export function cgroupOf({ hierarchies, names }: SupervisorTools, node: string): Cgroup {
  return cgroupAt(hierarchies, join(names.cgroup, node));
}

/** Begins to boot a node that is off, and returns the id of this boot. */
export async function beginBoot(tools: SupervisorTools, record: NodeRecord): Promise<string> {
  const group = cgroupOf(tools, record.name);
  await clearAway(tools, record);
  await group.create({ memory: record.memory, cpus: record.cpus });
  const boot = randomBytes(4).toString("hex");
  await spawnNode({
    config: tools.config(),
    names: tools.names,
    record,
    paths: nodePaths({ stateDir: tools.config().stateDir }, record.name),
    joins: group.joins,
    exitFile: exitFileOf(tools, record.name, boot),
    onTrouble: (error) =>
      tools.log.error("cannot start a process", { node: record.name, error: error.message }),
  });
  return boot;
}

/** Waits until a boot that has begun has its process 1. False when it ended before, or took too long. */
export async function comesUp(tools: SupervisorTools, node: string, boot: string): Promise<boolean> {
  const ready = await waitFor(
    async () => {
      if ((await readIfExists(exitFileOf(tools, node, boot))) !== undefined) return "ended";
      return (await processOne(tools, node)) === undefined ? undefined : "runs";
    },
    { clock: tools.clock, every: 10, within: startPatience },
  );
  return ready === "runs";
}

/** Removes what is left of a node that is off, or is to be off at once. */
export async function clearAway(tools: SupervisorTools, record: NodeRecord): Promise<void> {
  const { names } = tools;
  await cutCable(tools.exec, hostInterface(names, record.index));
  await cgroupOf(tools, record.name).end(tools.clock);
  const files = (await readdir(names.runtimeDir)).filter((file) => file.startsWith(`${record.name}.`));
  for (const file of files) await rm(join(names.runtimeDir, file), { force: true });
}

/** How that boot of the node ended; undefined while it runs. The code is not a number when nobody could tell it. */
export async function endOf(
  tools: SupervisorTools,
  node: string,
  boot: string,
): Promise<{ readonly code: number } | undefined> {
  const read = async (): Promise<{ readonly code: number } | undefined> => {
    const code = await readIfExists(exitFileOf(tools, node, boot));
    return code === undefined ? undefined : { code: Number(code) };
  };
  const end = await read();
  if (end !== undefined || (await cgroupOf(tools, node).populated())) return end;
  // Its processes are gone. Whoever writes the code is about to, unless it was killed together with the node.
  return (await waitFor(read, { clock: tools.clock, every: 10, within: 1_000 })) ?? { code: Number.NaN };
}

/** The host's number of the node's process 1. */
export async function processOne(tools: SupervisorTools, node: string): Promise<number | undefined> {
  return await initOf(tools.hierarchies, join(tools.names.cgroup, node));
}

function exitFileOf({ names }: SupervisorTools, node: string, boot: string): string {
  return join(names.runtimeDir, `${node}.${boot}.exit`);
}
