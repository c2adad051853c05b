import type { CommandResult } from "../../foundation/exec.ts";

/** What lies at a path. */
export type FileFact =
  | {
      readonly kind: "file";
      readonly content: Uint8Array;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: "folder"; readonly mode: number; readonly uid: number; readonly gid: number }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "other" };

export interface Access {
  /** Permission bits. */
  readonly mode: number;
  /** Left as it is where undefined. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** The port to the machine that a cloud-config is applied to. Paths are absolute. */
export interface Machine {
  look(path: string): Promise<FileFact | undefined>;
  /** Names in a folder, sorted; none when there is no such folder. */
  names(folder: string): Promise<readonly string[]>;
  /** Replaces the file in one step. Missing folders above get the owner of the folder they are made in. */
  write(path: string, content: Uint8Array, access: Access): Promise<void>;
  /** Makes the folder, or gives it this access. */
  folder(path: string, access: Access): Promise<void>;
  /** Replaces whatever lies at `path` by a symbolic link. */
  link(path: string, target: string): Promise<void>;
  /** Takes a file or link away; what is not there is no error. */
  remove(path: string): Promise<void>;
  /** Takes a folder away if it is empty. */
  removeIfEmpty(folder: string): Promise<void>;
  /** Whether files can be made in a folder; false on a read-only file system. */
  writable(folder: string): Promise<boolean>;
  hostname(): Promise<string>;
  run(argv: readonly [string, ...string[]], input?: string): Promise<CommandResult>;
}
