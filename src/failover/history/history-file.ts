import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { diskError } from "../../foundation/files.ts";

/** A history on disk, which grows line by line. */
export interface HistoryFile {
  readonly path: string;
  /** Adds a line at once. While the disk takes none, lines are kept and tried again with the next: a run goes on and heals. */
  append(line: string): void;
  /** @throws E_DISK_FULL, or what else kept lines from being written */
  close(): void;
}

/** @param write appends to the file; another one in tests */
export function historyFile(
  path: string,
  write: (path: string, text: string) => void = appendFileSync,
): HistoryFile {
  let waiting = "";
  let trouble: unknown;
  const flush = (): void => {
    if (waiting === "") return;
    try {
      write(path, waiting);
      waiting = "";
    } catch (error) {
      trouble = error;
    }
  };
  mkdirSync(dirname(path), { recursive: true });
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
