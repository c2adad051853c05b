import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readRuns } from "../../src/failover/report/read.ts";
import type { FinishedRun } from "../../src/failover/report/finished.ts";

/** The text of a history that was recorded on three real machines: `node-kill` or `power-outage`. */
export function recordedHistory(scenario: string): string {
  return readFileSync(join(import.meta.dirname, `../fixtures/histories/${scenario}.ndjson`), "utf8");
}

export function recordedRun(scenario: string): FinishedRun {
  const [run] = readRuns(recordedHistory(scenario), `${scenario}.ndjson`);
  if (run === undefined) throw new Error(`no run in the recording of ${scenario}`);
  return run;
}
