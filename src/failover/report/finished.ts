import type { HistoryEvent } from "../history.ts";
import { judge, type Verdict } from "../verdict.ts";

/** One run that is over: what every report is made from. */
export interface FinishedRun {
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly events: readonly HistoryEvent[];
}

/** A run from its history alone. */
export function finishedRun(events: readonly HistoryEvent[]): FinishedRun {
  const begin = events.find((event) => event.kind === "begin");
  return { scenario: begin?.scenario ?? "?", seed: begin?.seed ?? 0, verdict: judge(events), events };
}
