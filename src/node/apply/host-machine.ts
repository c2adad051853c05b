import { constants } from "node:fs";
import {
  access,
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  symlink,
} from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { Exec } from "../../foundation/exec.ts";
import { writeAtomically } from "../../foundation/files.ts";
import type { Access, FileFact, Machine } from "./machine.ts";

/** The machine that we run on, or the folder `root` as if it were one. */
export function hostMachine({ root, exec }: { readonly root: string; readonly exec: Exec }): Machine {
  const at = (path: string): string => join(root, path);
  return {
    look: async (path) => await orUndefined(async () => await look(at(path))),
    names: async (folder) => ((await orUndefined(async () => await readdir(at(folder)))) ?? []).toSorted(),
    write: async (path, content, access) => {
      await makeFoldersAbove(at(path));
      await writeAtomically(at(path), content, { mode: access.mode });
      await giveAccess(at(path), access);
    },
    folder: async (path, access) => {
      await makeFoldersAbove(at(path));
      await mkdir(at(path), { recursive: true });
      await giveAccess(at(path), access);
    },
    link: async (path, target) => {
      await makeFoldersAbove(at(path));
      const temporary = `${at(path)}.tmp`;
      await rm(temporary, { force: true });
      await symlink(target, temporary);
      await rename(temporary, at(path));
    },
    remove: async (path) => await rm(at(path), { force: true }),
    removeIfEmpty: async (folder) => {
      await rmdir(at(folder)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT") throw error;
      });
    },
    writable: async (folder) => {
      // A folder that is not there yet can be made.
      const fault = await access(at(folder), constants.W_OK).then(
        () => "",
        (error: NodeJS.ErrnoException) => error.code,
      );
      return fault === "" || fault === "ENOENT";
    },
    hostname: async () =>
      root === "/" ? hostname() : (await readFile(at("/etc/hostname"), "utf8").catch(() => "")).trim(),
    run: async (argv, input) => await exec.run({ argv, ...(input === undefined ? {} : { input }) }),
  };
}

async function look(path: string): Promise<FileFact> {
  const { mode, uid, gid, ...stats } = await lstat(path).then((found) => ({
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    file: found.isFile(),
    folder: found.isDirectory(),
    link: found.isSymbolicLink(),
  }));
  if (stats.file) return { kind: "file", content: await readFile(path), mode, uid, gid };
  if (stats.folder) return { kind: "folder", mode, uid, gid };
  return stats.link ? { kind: "link", target: await readlink(path) } : { kind: "other" };
}

/** A folder made in someone's home belongs to them, else their own programs could not write beside our file. */
async function makeFoldersAbove(path: string): Promise<void> {
  const folder = dirname(path);
  if ((await orUndefined(async () => await lstat(folder))) !== undefined) return;
  await makeFoldersAbove(folder);
  const { uid, gid } = await lstat(dirname(folder));
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  await giveAccess(folder, { mode: 0o755, uid, gid });
}

async function giveAccess(path: string, { mode, uid, gid }: Access): Promise<void> {
  const now = await lstat(path);
  const [user, group] = [uid ?? now.uid, gid ?? now.gid];
  if (user !== now.uid || group !== now.gid) await chown(path, user, group);
  // After chown, which takes away the set-user-id bits.
  await chmod(path, mode);
}

async function orUndefined<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
