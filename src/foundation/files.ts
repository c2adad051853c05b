import { randomBytes } from "node:crypto";
import { chown, mkdir, open, readFile, readdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "./errors.ts";

export interface WriteOptions {
  /** Permission bits, e.g. 0o600. */
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Replaces a file in one step: readers see the old content or the new, also after a crash. */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w", options.mode ?? 0o644);
    try {
      await file.writeFile(content);
      if (options.mode !== undefined) await file.chmod(options.mode);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.owner !== undefined) await chown(temporary, options.owner.uid, options.owner.gid);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

/** The file's text, or undefined when there is no such file. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Turns "no space left" into an error that a user can act on; gives anything else back. */
export function diskError(error: unknown, path: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ENOSPC") return error;
  return new AppError("E_DISK_FULL", `no space left to write ${path}`, {
    cause: error,
    hint: "free some space ('cluster image prune' removes old images), then run the same command again; nothing was lost",
  });
}

/** Names of the folders in `dir`; none when it does not exist. */
export async function foldersOf(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
