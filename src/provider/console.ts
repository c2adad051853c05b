import { createReadStream, existsSync } from "node:fs";
import { copyFile, mkdir, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../foundation/clock.ts";
import type { ConsoleOptions } from "./provider.ts";

/** A console log is cut when it is larger; the last one stays beside it as `.1`. Bytes. */
const maxSize = 2_000_000;
/** Between two looks for news, ms. */
const every = 100;

/** Makes room in a console log that has grown too large; who writes to it (appending) is not disturbed. */
export async function boundConsole(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if ((await sizeOf(path)) <= maxSize) return;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
}

/** The log's lines without line ends; with `follow` also those to come, until the signal aborts. */
export async function* consoleLines(
  path: string,
  clock: Clock,
  options: ConsoleOptions,
): AsyncIterable<string> {
  let position = 0;
  let rest = "";
  while (!options.signal.aborted) {
    const size = await sizeOf(path);
    if (size < position) [position, rest] = [0, ""];
    if (size > position) {
      const lines = (rest + (await readRange(path, position, size))).split("\n");
      position = size;
      rest = lines.pop() ?? "";
      yield* lines.map(clean);
    }
    if (!options.follow) break;
    await clock.sleep(every, options.signal).catch(() => undefined);
  }
  if (rest !== "") yield clean(rest);
}

/** A terminal's line ends and colours mean nothing in a log. */
function clean(line: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with a control character
  return line.replaceAll(/\u001B\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
}

async function readRange(path: string, start: number, end: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { start, end: end - 1 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}
