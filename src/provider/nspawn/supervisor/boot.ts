import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists } from "../../../foundation/files.ts";
import type { Hierarchies } from "../cgroups.ts";
import { boundConsole } from "../../console.ts";
import { rootOf } from "../../image/image.ts";
import { layerPath } from "../layer.ts";
import { startCommand } from "../machine.ts";
import type { HostNames } from "../names.ts";
import type { NodePaths, NodeRecord } from "../record.ts";
import { writeResolvConf } from "../seed.ts";
import type { SupervisorConfig } from "./config.ts";

export interface BootOptions {
  readonly config: SupervisorConfig;
  readonly names: HostNames;
  readonly record: NodeRecord;
  readonly paths: NodePaths;
  readonly joins: readonly string[];
  readonly exitFile: string;
  /** Called when its processes could not even be started. */
  readonly onTrouble: (error: Error) => void;
}

/** Starts the node's processes; they outlive us. Returns when they are started, not when they have begun to work. */
export async function spawnNode(options: BootOptions): Promise<void> {
  const { config, names, record, paths, joins, exitFile } = options;
  for (const dir of [paths.upper, paths.work, paths.root, paths.docker])
    await mkdir(dir, { recursive: true });
  await boundConsole(paths.console);
  await writeResolvConf(paths, config.internet);
  const layers = [layerPath(config.cacheDir, record.layer), rootOf(config.cacheDir, record.image)];
  const { argv, env } = startCommand({ names, node: record, paths, layers, joins, exitFile });
  const console_ = openSync(paths.console, "a", 0o600);
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child = spawn("env", [...settings, ...argv], {
    detached: true,
    cwd: "/",
    stdio: ["ignore", console_, console_],
  });
  child.on("error", options.onTrouble);
  closeSync(console_);
  child.unref();
}

/** The host's number of the node's process 1, or undefined while there is none. */
export async function initOf(hierarchies: Hierarchies, cgroup: string): Promise<number | undefined> {
  const payload = join(hierarchies.unified ?? "", cgroup, "payload");
  // In this order: soon after its start systemd moves itself from the one to the other.
  for (const group of [payload, join(payload, "init.scope")]) {
    const pids = await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "");
    for (const pid of pids.split("\n").filter((line) => line !== "")) {
      const status = (await readIfExists(`/proc/${pid}/status`).catch(() => undefined)) ?? "";
      if (/^NSpid:.*\t1$/m.test(status)) return Number(pid);
    }
  }
  return undefined;
}
