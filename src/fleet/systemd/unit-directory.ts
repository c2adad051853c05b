import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskError, readIfExists } from "../../foundation/files.ts";

const types = "automount|busname|device|mount|path|scope|service|slice|snapshot|socket|swap|target|timer";
const unitFile = new RegExp(`^[A-Za-z0-9:_.\\\\@-]+\\.(?:${types})$`);

/** fleet's own directory of unit files. Anything in it that is no unit file is left alone. */
export interface UnitDirectory {
  /** The names of the unit files, sorted. */
  names(): Promise<readonly string[]>;
  read(name: string): Promise<string | undefined>;
  /** Whether the content is another one than before (also when there was none). */
  write(name: string, content: string): Promise<boolean>;
  remove(name: string): Promise<void>;
  path(name: string): string;
}

export function createUnitDirectory(folder: string): UnitDirectory {
  const path = (name: string): string => join(folder, name);
  return {
    path,
    names: async () => {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      return (await readdir(folder)).filter((name) => unitFile.test(name)).toSorted();
    },
    read: (name) => readIfExists(path(name)),
    write: async (name, content) => {
      if (present(path(name)) === content) return false;
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      replace(path(name), content);
      return true;
    },
    remove: (name) => rm(path(name), { force: true }),
  };
}

/*
 * Not with promises: units are written by the hundred into a directory in memory, where the way through Node's threads takes
 * ten times as long as the work.
 */

function present(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** In one step for who reads it, but not safe from a power cut: the directory does not outlive one either. */
function replace(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  try {
    writeFileSync(temporary, content, { mode: 0o644 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(error, path);
  }
}
