import {
  closeSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { Attributes, SFTPWrapper } from "ssh2";

const { STATUS_CODE, flagsToString } = ssh2.utils.sftp;

/** Serves this machine's files over one sftp session: as much of the protocol as copying needs. */
export function serveFiles(sftp: SFTPWrapper): void {
  let next = 0;
  const files = new Map<number, number>();
  const folders = new Map<number, string[]>();
  const paths = new Map<number, string>();
  const handle = (id: number): Buffer => Buffer.from(Uint32Array.of(id).buffer);
  const idOf = (buffer: Buffer): number => buffer.readUInt32LE(0);
  const guarded = (request: number, act: () => void): void => {
    try {
      act();
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      sftp.status(request, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
    }
  };
  const attributes = (stat: ReturnType<typeof statSync>): Attributes => ({
    mode: Number(stat?.mode),
    uid: Number(stat?.uid),
    gid: Number(stat?.gid),
    size: Number(stat?.size),
    atime: Number(stat?.atimeMs) / 1_000,
    mtime: Number(stat?.mtimeMs) / 1_000,
  });
  sftp.on("OPEN", (request, path, flags, attrs) =>
    guarded(request, () => {
      const mode = (attrs as Partial<Attributes>).mode ?? 0o644;
      files.set(++next, openSync(path, flagsToString(flags) ?? "r", mode));
      sftp.handle(request, handle(next));
    }),
  );
  sftp.on("READ", (request, buffer, offset, length) =>
    guarded(request, () => {
      const data = Buffer.alloc(length);
      const count = readSync(files.get(idOf(buffer)) ?? -1, data, 0, length, offset);
      if (count === 0) sftp.status(request, STATUS_CODE.EOF);
      else sftp.data(request, data.subarray(0, count));
    }),
  );
  sftp.on("WRITE", (request, buffer, offset, data) =>
    guarded(request, () => {
      writeSync(files.get(idOf(buffer)) ?? -1, data, 0, data.length, offset);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
  sftp.on("FSTAT", (request, buffer) =>
    guarded(request, () => sftp.attrs(request, attributes(fstatSync(files.get(idOf(buffer)) ?? -1)))),
  );
  sftp.on("FSETSTAT", (request, buffer, attrs) =>
    guarded(request, () => {
      fchmodSync(files.get(idOf(buffer)) ?? -1, attrs.mode & 0o777);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
  sftp.on("STAT", (request, path) => guarded(request, () => sftp.attrs(request, attributes(statSync(path)))));
  sftp.on("MKDIR", (request, path) =>
    guarded(request, () => {
      mkdirSync(path);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
  sftp.on("OPENDIR", (request, path) =>
    guarded(request, () => {
      folders.set(++next, readdirSync(path));
      paths.set(next, path);
      sftp.handle(request, handle(next));
    }),
  );
  sftp.on("READDIR", (request, buffer) => {
    const names = folders.get(idOf(buffer))?.splice(0) ?? [];
    if (names.length === 0) return sftp.status(request, STATUS_CODE.EOF);
    const folder = paths.get(idOf(buffer)) ?? "";
    const entries = names.map((name) => ({
      filename: name,
      longname: name,
      attrs: attributes(statSync(join(folder, name))),
    }));
    return sftp.name(request, entries);
  });
  sftp.on("CLOSE", (request, buffer) =>
    guarded(request, () => {
      const file = files.get(idOf(buffer));
      if (file !== undefined) closeSync(file);
      files.delete(idOf(buffer));
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
}
