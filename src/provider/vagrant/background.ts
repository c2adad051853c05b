import { readFile } from "node:fs/promises";
import { readIfExists } from "../../foundation/files.ts";

/**
 * A process of ours that outlives us, by the file that holds its number; undefined when it does not run. A number that
 * somebody else has by now is not ours: `word` is not among its arguments.
 */
export async function backgroundProcess(pidFile: string, word: string): Promise<number | undefined> {
  const pid = Number((await readIfExists(pidFile))?.trim() ?? "0");
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.split("\0").includes(word) ? pid : undefined;
}
