import { chownSync, closeSync, openSync, writeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { scrub } from "../../foundation/errors.ts";
import { lineLog } from "../../foundation/log.ts";
import type { World } from "../cluster.ts";
import { makeFolder } from "./owner.ts";

/** How many logs of earlier runs are kept. */
const kept = 20;

export interface RunLog {
  readonly path: string;
  /** The same world, whose events and log also go to the file. */
  readonly world: World;
  close(): void;
}

/** A file in `stateDir/logs` for one run: everything that the user was told, and what an operator would want to know. */
export async function openRunLog(world: World, stateDir: string): Promise<RunLog> {
  const folder = join(stateDir, "logs");
  await makeFolder(folder, 0o700, world.owner);
  await removeOld(folder);
  const stamp = new Date(world.clock.now()).toISOString().replaceAll(/[:.]/g, "-");
  const path = join(folder, `${stamp}-${world.command.replaceAll(/[^a-z0-9]+/g, "-")}.log`);
  const file = openSync(path, "a", 0o600);
  if (world.owner !== undefined) chownSync(path, world.owner.uid, world.owner.gid);
  // At once and in order: the last line before a crash is the one that is wanted. The file may be removed meanwhile.
  const write = (line: string): void => {
    writeSync(file, `${new Date(world.clock.now()).toISOString()} ${line}\n`);
  };
  return {
    path,
    world: {
      ...world,
      log: lineLog({ write, level: "debug", style: "plain" }),
      emit: (event) => {
        write(scrub(JSON.stringify(event)));
        world.emit(event);
      },
    },
    close: () => closeSync(file),
  };
}

async function removeOld(folder: string): Promise<void> {
  const logs = (await readdir(folder)).filter((name) => name.endsWith(".log")).sort();
  const old = logs.slice(0, Math.max(0, logs.length - kept + 1));
  await Promise.all(old.map(async (name) => await rm(join(folder, name), { force: true })));
}
