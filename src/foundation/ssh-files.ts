import { chmod, mkdir, readdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import type { SFTPWrapper, Stats } from "ssh2";
import { AppError, messageOf } from "./errors.ts";

/** Copies a local file, or a folder with all in it, to the host. Permission bits are kept. Closes `sftp`. */
export async function upload(sftp: SFTPWrapper, local: string, remote: string): Promise<void> {
  await copying(sftp, `${local} to ${remote}`, async () => {
    const isFolder = (await stat(local)).isDirectory();
    await (isFolder ? uploadFolder(sftp, local, remote) : uploadFile(sftp, local, remote));
  });
}

/** Copies a file, or a folder with all in it, from the host. Permission bits are kept. Closes `sftp`. */
export async function download(sftp: SFTPWrapper, remote: string, local: string): Promise<void> {
  await copying(sftp, `${remote} to ${local}`, async () => {
    const isFolder = (await remoteStat(sftp, remote)).isDirectory();
    await (isFolder ? downloadFolder(sftp, remote, local) : downloadFile(sftp, remote, local));
  });
}

async function copying(sftp: SFTPWrapper, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new AppError("E_COMMAND_FAILED", `could not copy ${what}: ${messageOf(error)}`, {
      cause: error,
      hint: "check that the source exists and that the target's folder does and may be written by the user",
    });
  } finally {
    sftp.end();
  }
}

async function uploadFile(sftp: SFTPWrapper, local: string, remote: string): Promise<void> {
  const { mode } = await stat(local);
  const options = { mode: mode & 0o777 };
  await new Promise<void>((resolve, reject) =>
    sftp.fastPut(local, remote, options, (error) => (error ? reject(error) : resolve())),
  );
}

async function uploadFolder(sftp: SFTPWrapper, local: string, remote: string): Promise<void> {
  await makeRemoteFolder(sftp, remote);
  for (const entry of await readdir(local, { withFileTypes: true })) {
    const [from, to] = [join(local, entry.name), posix.join(remote, entry.name)];
    await (entry.isDirectory() ? uploadFolder(sftp, from, to) : uploadFile(sftp, from, to));
  }
}

async function makeRemoteFolder(sftp: SFTPWrapper, remote: string): Promise<void> {
  const there = await remoteStat(sftp, remote).catch(() => undefined);
  if (there?.isDirectory()) return;
  await new Promise<void>((resolve, reject) =>
    sftp.mkdir(remote, (error) => (error ? reject(error) : resolve())),
  );
}

async function downloadFile(sftp: SFTPWrapper, remote: string, local: string): Promise<void> {
  const { mode } = await remoteStat(sftp, remote);
  await new Promise<void>((resolve, reject) =>
    sftp.fastGet(remote, local, (error) => (error ? reject(error) : resolve())),
  );
  await chmod(local, mode & 0o777);
}

async function downloadFolder(sftp: SFTPWrapper, remote: string, local: string): Promise<void> {
  await mkdir(local, { recursive: true });
  for (const entry of await promisify(sftp.readdir.bind(sftp))(remote)) {
    const [from, to] = [posix.join(remote, entry.filename), join(local, entry.filename)];
    await (entry.attrs.isDirectory() ? downloadFolder(sftp, from, to) : downloadFile(sftp, from, to));
  }
}

async function remoteStat(sftp: SFTPWrapper, remote: string): Promise<Stats> {
  return await promisify(sftp.stat.bind(sftp))(remote);
}
