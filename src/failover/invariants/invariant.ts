import type { Facts } from "./facts.ts";

/** Something that must hold in every run, checked by a pure function of the history. */
export interface Invariant {
  readonly name: string;
  /** What holds, as a sentence for the report. */
  readonly about: string;
  /** Undefined when the history does not show enough to tell. */
  check(facts: Facts): readonly Finding[] | undefined;
}

export interface Finding {
  /** `broken` fails the run; `note` is told, and explained by a fault. */
  readonly weight: "broken" | "note";
  readonly text: string;
  /** When it began, ms of the run. */
  readonly at: number;
}

export interface InvariantResult {
  readonly name: string;
  readonly about: string;
  readonly outcome: "pass" | "fail" | "unobserved";
  readonly findings: readonly Finding[];
}
