import { AppError } from "../../foundation/errors.ts";
import { historyVersion, type HistoryEvent } from "../history/history.ts";
import { finishedRun, type FinishedRun } from "./finished.ts";

/**
 * Reads runs from the text of a history (NDJSON) or of a JSON report, and judges them anew; what the report says of the
 * verdict is not looked at.
 * @param file only the name that errors are shown with
 * @throws E_HISTORY_INVALID when the text is cut short, or of another version, or no history at all
 */
export function readRuns(text: string, file: string): FinishedRun[] {
  const whole = parsed(text);
  if (isReport(whole)) return whole.runs.map((run) => finishedRun(checked(run.history, file)));
  return [finishedRun(checked(linesOf(text, file), file))];
}

/** What the report itself says of each of its runs; undefined for a bare history. */
export function saidOutcomes(text: string): readonly string[] | undefined {
  const whole = parsed(text);
  return isReport(whole) ? whole.runs.map(({ outcome }) => outcome) : undefined;
}

interface Report {
  readonly runs: readonly { readonly history: readonly unknown[]; readonly outcome: string }[];
}

const isReport = (value: unknown): value is Report =>
  typeof value === "object" && value !== null && "runs" in value && Array.isArray(value.runs);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function linesOf(text: string, file: string): unknown[] {
  if (/^\{\s*"v": ?\d+,\s*"runs"/.test(text)) return broken(file, "it is a JSON report that breaks off");
  const lines = text.split("\n");
  const last = lines.pop();
  const events = lines.map((line, index) => parsed(line) ?? broken(file, `line ${index + 1} is no event`));
  if (last !== "") return broken(file, `it breaks off in line ${lines.length + 1}`);
  return events;
}

function checked(events: readonly unknown[], file: string): readonly HistoryEvent[] {
  const [first] = events;
  if (!isEvent(first) || first.kind !== "begin") return broken(file, "it does not begin with a run");
  const version: number = first.v;
  if (version !== historyVersion) {
    throw new AppError("E_HISTORY_INVALID", `${file} is of version ${version}`, {
      hint: `this program reads version ${historyVersion}`,
    });
  }
  return events.map((event, index) =>
    isEvent(event) ? event : broken(file, `event ${index + 1} is none of ours`),
  );
}

const isEvent = (value: unknown): value is HistoryEvent =>
  typeof value === "object" &&
  value !== null &&
  "kind" in value &&
  "at" in value &&
  typeof value.at === "number";

function broken(file: string, why: string): never {
  throw new AppError("E_HISTORY_INVALID", `${file} is no whole history`, {
    details: [why],
    hint: "give a file of .state/history, or one written by --report-json, that was not cut short",
  });
}
