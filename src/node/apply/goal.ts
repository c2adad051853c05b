import type { Owner, UnitCommand, User } from "../cloud-config/model.ts";
import type { Place } from "../cloud-config/place.ts";

/** What shall be true of the machine once a cloud-config is applied. Goals stand in the order of their applying. */
export type Goal = { readonly place: Place } & (
  | { readonly kind: "hostname"; readonly name: string }
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "keys"; readonly user: string; readonly keys: readonly string[] }
  | FileGoal
  | LinesGoal
  | { readonly kind: "mask"; readonly unit: string; readonly path: string }
  | { readonly kind: "enable"; readonly unit: string; readonly runtime: boolean }
  | CommandGoal
);

export interface FileGoal {
  readonly kind: "file";
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly owner: Owner | undefined;
  /** The unit that this file belongs to (its content or a drop-in). */
  readonly unit: string | undefined;
}

/** Some lines of a file that has others too. */
export interface LinesGoal {
  readonly kind: "lines";
  readonly path: string;
  /** What the file starts from where it does not exist. */
  readonly base: string | undefined;
  readonly set: readonly LineSetting[];
  /** Units that read the file. */
  readonly units: readonly string[];
}

/** The line that begins with `prefix` becomes `line`; without such a line it is added. */
export interface LineSetting {
  readonly prefix: string;
  readonly line: string;
}

export interface CommandGoal {
  readonly kind: "command";
  readonly unit: string;
  readonly command: UnitCommand;
  /** Nothing is done, and that is no error, on a machine without this unit. */
  readonly ifPresent: boolean;
}

/** Puts `settings` into `text`: matching lines in their place, others added at the end in the order of their prefix. */
export function mergeLines(text: string, settings: readonly LineSetting[]): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const merged = lines.map((line) => settings.find(({ prefix }) => line.startsWith(prefix))?.line ?? line);
  const added = settings
    .filter(({ prefix }) => !lines.some((line) => line.startsWith(prefix)))
    .toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
    .map(({ line }) => line);
  return `${[...merged, ...added].join("\n")}\n`;
}
