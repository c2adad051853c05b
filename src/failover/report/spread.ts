import { stageNames, type Recovery, type StageName } from "../history/recoveries.ts";
import type { FinishedRun } from "./finished.ts";

/** p50, p95 and the largest of some times in ms, by nearest rank. */
export interface Spread {
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** The spread of some times; undefined when there are none. */
export function spreadOf(times: readonly number[]): Spread | undefined {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  if (sorted.length === 0) return undefined;
  return { runs: sorted.length, p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

/** How long one unit was away because of one fault, over all runs of one scenario; whole and by stages. */
export interface RecoverySpread {
  readonly scenario: string;
  readonly unit: string;
  readonly fault: string;
  /** See `Recovery`. */
  readonly kind: Recovery["kind"];
  readonly spread: Spread;
  readonly stages: Readonly<Partial<Record<StageName, Spread>>>;
}

type Group = Pick<RecoverySpread, "scenario" | "unit" | "fault" | "kind"> & { recoveries: Recovery[] };

/** The spread of all recoveries, apart by scenario, unit, fault and kind: times of different things do not mix. */
export function recoverySpreads(runs: readonly FinishedRun[]): RecoverySpread[] {
  const groups = new Map<string, Group>();
  for (const { scenario, verdict } of runs) {
    for (const { unit, recoveries } of verdict.units) {
      for (const recovery of recoveries) {
        const { fault, kind } = recovery;
        const key = JSON.stringify([scenario, unit, fault, kind]);
        const group = groups.get(key) ?? { scenario, unit, fault, kind, recoveries: [] };
        groups.set(key, group);
        group.recoveries.push(recovery);
      }
    }
  }
  return [...groups.values()].flatMap(({ recoveries, ...of }) => {
    const spread = spreadOf(recoveries.flatMap(({ took }) => took ?? []));
    return spread === undefined ? [] : [{ ...of, spread, stages: stageSpreads(recoveries) }];
  });
}

/** `hello.service after power-cut`, `a second copy of hello.service after partition`. */
export function spreadTitle({ unit, fault, kind }: RecoverySpread): string {
  return `${kind === "away" ? unit : `a second copy of ${unit}`} after ${fault}`;
}

function stageSpreads(recoveries: readonly Recovery[]): Partial<Record<StageName, Spread>> {
  const spreads: Partial<Record<StageName, Spread>> = {};
  for (const name of stageNames) {
    const times = recoveries.flatMap(({ stages }) => stages.find((stage) => stage.name === name)?.took ?? []);
    const spread = spreadOf(times);
    if (spread !== undefined) spreads[name] = spread;
  }
  return spreads;
}
