import { appendFileSync, chownSync } from "node:fs";
import { diskError, type WriteOptions } from "../../foundation/files.ts";

/** A history on disk, which grows line by line. */
export interface HistoryFile {
  readonly path: string;
  /** Adds a line at once. While the disk takes none, lines are kept and tried again with the next: a run goes on and heals. */
  append(line: string): void;
  /** @throws E_DISK_FULL, or what else kept lines from being written */
  close(): void;
}

interface HistoryOptions {
  /** Whom the file belongs to; whoever runs us when not given. */
  readonly owner?: WriteOptions["owner"];
  /** Appends to the file; another one in tests. */
  readonly write?: (path: string, text: string) => void;
}

/** The history in this file, whose folder exists. */
export function historyFile(
  path: string,
  { owner, write = appendFileSync }: HistoryOptions = {},
): HistoryFile {
  let waiting = "";
  let trouble: unknown;
  let given = false;
  const flush = (): void => {
    if (waiting === "") return;
    try {
      write(path, waiting);
      waiting = "";
      if (owner !== undefined && !given) chownSync(path, owner.uid, owner.gid);
      given = true;
    } catch (error) {
      trouble = error;
    }
  };
  return {
    path,
    append: (line) => {
      waiting += line;
      flush();
    },
    close: () => {
      flush();
      if (waiting !== "") throw diskError(trouble, path);
    },
  };
}
