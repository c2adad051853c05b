import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { diskError, readIfExists, writeAtomically } from "../../foundation/files.ts";
import { makeFolder, ownedBy, type Owner } from "../state/owner.ts";
import { stepName, type Step } from "../plan/plan.ts";

type Mark = "run-begin" | "begin" | "end" | "failed" | "run-end";

interface Entry {
  /** Wall-clock ms. */
  readonly at: number;
  readonly mark: Mark;
  readonly step?: string;
}

/**
 * What a run of `up` has begun and ended, on disk before it goes on. The next run reads it to say what was interrupted;
 * what to do about it follows from the state and from the machines themselves, so a lost line can do no harm.
 */
export interface Journal {
  /** Starts a new run; forgets the runs before. Gives the steps that the last run began and never ended. */
  begin(): Promise<readonly string[]>;
  mark(mark: "begin" | "end" | "failed", step: Step): Promise<void>;
  end(): Promise<void>;
  /** Whether the last run did not reach its end. */
  unfinished(): Promise<boolean>;
}

/** The journal `journal.ndjson` in `stateDir`. */
export function journalFile(stateDir: string, owner: Owner | undefined, clock: Clock): Journal {
  const path = join(stateDir, "journal.ndjson");
  let last: Promise<void> = Promise.resolve();
  const append = (entry: Omit<Entry, "at">): Promise<void> => {
    last = last.then(() => appendLine(path, JSON.stringify({ at: clock.now(), ...entry }), owner));
    return last;
  };
  const entries = async (): Promise<readonly Entry[]> => parseEntries((await readIfExists(path)) ?? "");
  const unfinished = async (): Promise<boolean> => {
    const known = await entries();
    return known.length > 0 && known.at(-1)?.mark !== "run-end";
  };
  return {
    unfinished,
    begin: async () => {
      const interrupted = (await unfinished()) ? openSteps(await entries()) : [];
      await makeFolder(stateDir, 0o700, owner);
      const first: Entry = { at: clock.now(), mark: "run-begin" };
      await writeAtomically(path, `${JSON.stringify(first)}\n`, { mode: 0o600, ...ownedBy(owner) });
      return interrupted;
    },
    mark: (mark, step) => append({ mark, step: stepName(step) }),
    end: () => append({ mark: "run-end" }),
  };
}

function openSteps(entries: readonly Entry[]): readonly string[] {
  const begun = new Set<string>();
  for (const { mark, step } of entries) {
    if (step === undefined) continue;
    if (mark === "begin") begun.add(step);
    if (mark === "end") begun.delete(step);
  }
  return [...begun];
}

/** A power cut may leave half a last line: it is ignored. */
function parseEntries(text: string): readonly Entry[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}

async function appendLine(path: string, line: string, owner: Owner | undefined): Promise<void> {
  try {
    const file = await open(path, "a", 0o600);
    try {
      await file.write(`${line}\n`);
      await file.sync();
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw diskError(error, path);
  }
}
