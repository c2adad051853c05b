import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
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
      if ((await readIfExists(path(name))) === content) return false;
      await replace(path(name), content).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        await mkdir(folder, { recursive: true, mode: 0o755 });
        await replace(path(name), content);
      });
      return true;
    },
    remove: (name) => rm(path(name), { force: true }),
  };
}

/** In one step for who reads it, but not safe from a power cut: the directory does not outlive one either. */
async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, content, { mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}
