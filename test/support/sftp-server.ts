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
  type Stats,
} from "node:fs";
import { basename, join } from "node:path";
import ssh2 from "ssh2";
import type { Attributes, SFTPWrapper } from "ssh2";

const { STATUS_CODE, flagsToString } = ssh2.utils.sftp;

/** Serves this machine's files over one sftp session: as much of the protocol as copying needs. */
export function serveFiles(sftp: SFTPWrapper): void {
  const handles = new Handles();
  serveOpening(sftp, handles);
  serveContents(sftp, handles);
  serveAttributes(sftp, handles);
  serveFolders(sftp, handles);
}

/** What a session has open, by the numbers that its client was given. */
class Handles {
  #last = 0;
  readonly #files = new Map<number, number>();
  readonly #folders = new Map<number, { readonly path: string; readonly names: string[] }>();

  addFile(descriptor: number): Buffer {
    this.#files.set(++this.#last, descriptor);
    return handleOf(this.#last);
  }

  addFolder(path: string): Buffer {
    this.#folders.set(++this.#last, { path, names: readdirSync(path) });
    return handleOf(this.#last);
  }

  /** Its descriptor; one that the kernel refuses when it is not open. */
  file(handle: Buffer): number {
    return this.#files.get(idOf(handle)) ?? -1;
  }

  /** What of a folder was not read yet, as paths; it counts as read from now on. */
  restOfFolder(handle: Buffer): string[] {
    const { path, names } = this.#folders.get(idOf(handle)) ?? { path: "", names: [] };
    return names.splice(0).map((name) => join(path, name));
  }

  close(handle: Buffer): void {
    const file = this.#files.get(idOf(handle));
    if (file !== undefined) closeSync(file);
    this.#files.delete(idOf(handle));
  }
}

const handleOf = (id: number): Buffer => Buffer.from(Uint32Array.of(id).buffer);
const idOf = (handle: Buffer): number => handle.readUInt32LE(0);

function serveOpening(sftp: SFTPWrapper, handles: Handles): void {
  sftp.on("OPEN", (request, path, flags, attrs) =>
    guarded(sftp, request, () => {
      const mode = (attrs as Partial<Attributes>).mode ?? 0o644;
      sftp.handle(request, handles.addFile(openSync(path, flagsToString(flags) ?? "r", mode)));
    }),
  );
  sftp.on("OPENDIR", (request, path) =>
    guarded(sftp, request, () => sftp.handle(request, handles.addFolder(path))),
  );
  sftp.on("CLOSE", (request, handle) =>
    guarded(sftp, request, () => {
      handles.close(handle);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
}

function serveContents(sftp: SFTPWrapper, handles: Handles): void {
  sftp.on("READ", (request, handle, offset, length) =>
    guarded(sftp, request, () => {
      const data = Buffer.alloc(length);
      const count = readSync(handles.file(handle), data, 0, length, offset);
      if (count === 0) sftp.status(request, STATUS_CODE.EOF);
      else sftp.data(request, data.subarray(0, count));
    }),
  );
  sftp.on("WRITE", (request, handle, offset, data) =>
    guarded(sftp, request, () => {
      writeSync(handles.file(handle), data, 0, data.length, offset);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
}

function serveAttributes(sftp: SFTPWrapper, handles: Handles): void {
  sftp.on("STAT", (request, path) =>
    guarded(sftp, request, () => sftp.attrs(request, attributes(statSync(path)))),
  );
  sftp.on("FSTAT", (request, handle) =>
    guarded(sftp, request, () => sftp.attrs(request, attributes(fstatSync(handles.file(handle))))),
  );
  sftp.on("FSETSTAT", (request, handle, attrs) =>
    guarded(sftp, request, () => {
      fchmodSync(handles.file(handle), attrs.mode & 0o777);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
}

function serveFolders(sftp: SFTPWrapper, handles: Handles): void {
  sftp.on("MKDIR", (request, path) =>
    guarded(sftp, request, () => {
      mkdirSync(path);
      sftp.status(request, STATUS_CODE.OK);
    }),
  );
  sftp.on("READDIR", (request, handle) => {
    const entries = handles.restOfFolder(handle).map((path) => ({
      filename: basename(path),
      longname: basename(path),
      attrs: attributes(statSync(path)),
    }));
    if (entries.length === 0) sftp.status(request, STATUS_CODE.EOF);
    else sftp.name(request, entries);
  });
}

/** What this machine's kernel refuses becomes the answer. */
function guarded(sftp: SFTPWrapper, request: number, act: () => void): void {
  try {
    act();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    sftp.status(request, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
  }
}

const attributes = (stat: Stats): Attributes => ({
  mode: stat.mode,
  uid: stat.uid,
  gid: stat.gid,
  size: stat.size,
  atime: stat.atimeMs / 1_000,
  mtime: stat.mtimeMs / 1_000,
});
