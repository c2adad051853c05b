import { open, type FileHandle } from "node:fs/promises";
import { diskError, readIfExists, type WriteOptions } from "./files.ts";

/** A journal on disk: one JSON value a line, which is on the disk before `append` returns. */
export interface JsonLines<Entry> {
  /** @throws E_DISK_FULL */
  append(entry: Entry): Promise<void>;
  /** All entries; none when there is no file. What a power cut left of a line is no entry. */
  read(): Promise<readonly Entry[]>;
}

/** The file is made (0600) with its first line; its folder exists. */
export function jsonLines<Entry>(path: string, owner?: WriteOptions["owner"]): JsonLines<Entry> {
  let last: Promise<void> = Promise.resolve();
  return {
    append: (entry) => {
      const write = (): Promise<void> => appendLine(path, JSON.stringify(entry), owner);
      // In turn, and whatever came of the one before: there may be space again.
      last = last.then(write, write);
      return last;
    },
    read: async () => parseLines((await readIfExists(path)) ?? "") as readonly Entry[],
  };
}

function parseLines(text: string): readonly unknown[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

async function appendLine(path: string, line: string, owner: WriteOptions["owner"]): Promise<void> {
  try {
    const file = await open(path, "a+", 0o600);
    try {
      await file.appendFile(`${(await endsInLine(file)) ? "\n" : ""}${line}\n`);
      await file.sync();
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Whether the last line was never ended: what is written next would be lost together with it. */
async function endsInLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() !== "\n";
}
