import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { writeAtomically } from "../../foundation/files.ts";
import { jsonLines } from "../../foundation/json-lines.ts";
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
  const lines = jsonLines<Entry>(path, owner);
  const append = (entry: Omit<Entry, "at">): Promise<void> => lines.append({ at: clock.now(), ...entry });
  const unfinished = async (): Promise<boolean> => {
    const known = await lines.read();
    return known.length > 0 && known.at(-1)?.mark !== "run-end";
  };
  return {
    unfinished,
    begin: async () => {
      const interrupted = (await unfinished()) ? openSteps(await lines.read()) : [];
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
