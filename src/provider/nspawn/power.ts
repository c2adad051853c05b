import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists } from "../../foundation/files.ts";
import type { HostNames } from "./names.ts";

/** When a node last went on or off. Lies in the runtime folder: after a reboot of the host all are off, and it is gone. */
export interface PowerRecord {
  readonly state: "running" | "stopped";
  /** Wall-clock ms. */
  readonly since: number;
  /** Tells this start from every other; empty when stopped. */
  readonly boot: string;
}

export async function readPower(names: HostNames, node: string): Promise<PowerRecord | undefined> {
  const text = await readIfExists(powerFile(names, node));
  return text === undefined ? undefined : (JSON.parse(text) as PowerRecord);
}

/** Replaces the record in one step, but does not wait for the disk: it need not survive the host. */
export async function writePower(names: HostNames, node: string, power: PowerRecord): Promise<void> {
  const file = powerFile(names, node);
  await writeFile(`${file}.new`, `${JSON.stringify(power)}\n`);
  await rename(`${file}.new`, file);
}

function powerFile(names: HostNames, node: string): string {
  return join(names.runtimeDir, `power-${node}.json`);
}
