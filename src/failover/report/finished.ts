import { exitCodes } from "../../foundation/errors.ts";
import type { HistoryEvent } from "../history/history.ts";
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

/** 0 when all passed, 8 when one was inconclusive and none failed, else 1. */
export function exitCodeOf(runs: readonly FinishedRun[]): number {
  const outcomes = runs.map((run) => run.verdict.outcome);
  if (outcomes.includes("fail")) return exitCodes.false;
  return outcomes.includes("inconclusive") ? exitCodes.inconclusive : exitCodes.ok;
}
