import { readFile } from "node:fs/promises";
import type { HistoryEvent } from "../../src/failover/history/history.ts";

/** What we read of a report that `cluster test --report-json` wrote. */
export interface Report {
  readonly runs: readonly {
    readonly scenario: string;
    readonly outcome: "pass" | "fail" | "inconclusive";
    readonly reasons: readonly string[];
    readonly units: readonly { readonly recoveries: readonly { readonly took?: number }[] }[];
    readonly history: readonly HistoryEvent[];
  }[];
}

/** @returns undefined when there is no such file: nothing was played to its end */
export async function readReport(file: string): Promise<Report | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

/** How numbers are spread, in the unit of the numbers. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Undefined for no numbers. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return sorted.length === 0 ? undefined : { count: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** How long services were away after faults, in seconds. */
export function recoveriesOf({ runs }: Report): number[] {
  return runs
    .flatMap(({ units }) => units.flatMap(({ recoveries }) => recoveries.map(({ took }) => took)))
    .flatMap((took) => (took === undefined ? [] : [took / 1_000]));
}

/** How long breaking (`active`) or mending (`healed`) itself took, in ms, by fault. */
export function faultTimes({ runs }: Report, action: "active" | "healed"): ReadonlyMap<string, number[]> {
  const times = new Map<string, number[]>();
  for (const event of runs.flatMap(({ history }) => history)) {
    if (event.kind !== "fault" || event.action !== action || event.took === undefined) continue;
    times.set(event.fault, [...(times.get(event.fault) ?? []), event.took]);
  }
  return times;
}

/** Seconds from the first event to the last. */
export function lengthOf(history: readonly HistoryEvent[]): number {
  return (history.at(-1)?.at ?? 0) / 1_000;
}
