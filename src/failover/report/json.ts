import type { HistoryEvent } from "../history/history.ts";
import type { InvariantResult } from "../invariants/invariant.ts";
import type { UnitReport, Verdict } from "../verdict.ts";
import type { FinishedRun } from "./finished.ts";
import { recoverySpreads, type RecoverySpread } from "./spread.ts";

/** The machine-readable report of some runs of scenarios (schema version 2). All times are ms. */
export interface JsonReport {
  readonly v: 2;
  readonly runs: readonly {
    readonly scenario: string;
    readonly seed: number;
    readonly outcome: Verdict["outcome"];
    readonly reasons: readonly string[];
    readonly units: readonly UnitReport[];
    readonly invariants: readonly InvariantResult[];
    readonly history: readonly HistoryEvent[];
  }[];
  readonly recoveries: readonly RecoverySpread[];
}

export function jsonReport(runs: readonly FinishedRun[]): JsonReport {
  return {
    v: 2,
    runs: runs.map(({ scenario, seed, verdict, events }) => ({
      scenario,
      seed,
      ...verdict,
      history: events,
    })),
    recoveries: recoverySpreads(runs),
  };
}
