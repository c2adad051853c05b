import type { Clock } from "../foundation/clock.ts";

/**
 * The history of one run: an append-only list of what was done and what was observed, from which everything else (verdict,
 * times, reports) is computed. Written as NDJSON, one event a line. `at` is milliseconds since the run began, measured by
 * the controller's monotonic clock at the moment it knew; observations are late by at most `sampleEvery` plus the way.
 */

export type HistoryEvent =
  | {
      readonly at: number;
      readonly kind: "begin";
      readonly v: 1;
      readonly scenario: string;
      readonly cluster: string;
      readonly provider: string;
      /** What a power cut is here: the node's processes die, or a virtual machine loses its power. */
      readonly powerCut: string;
      readonly seed: number;
      /** Wall-clock time of `at: 0`, ISO 8601. */
      readonly startedAt: string;
      readonly nodes: readonly string[];
      readonly units: readonly string[];
      readonly sampleEvery: number;
    }
  | { readonly at: number; readonly kind: "phase"; readonly phase: Phase }
  | { readonly at: number; readonly kind: "step"; readonly step: number; readonly text: string }
  | {
      readonly at: number;
      readonly kind: "fault";
      readonly action: FaultAction;
      readonly fault: string;
      /** Tells this injection from every other; the same word tags what it leaves on machines until it is healed. */
      readonly id: string;
      readonly effect: FaultEffect;
      readonly victims: readonly string[];
      /** What shows that it bites, or that it is gone; or why it could not be shown. */
      readonly evidence: string;
    }
  | {
      readonly at: number;
      readonly kind: "probe";
      readonly phase: Phase;
      readonly text: string;
      readonly ok: boolean;
      readonly detail: string;
    }
  | { readonly at: number; readonly kind: "sight"; readonly node: string; readonly seen: boolean }
  | {
      readonly at: number;
      readonly kind: "sample";
      readonly node: string;
      readonly unit: string;
      /** systemd's ActiveState, from the node's own systemd. */
      readonly active: string;
      readonly sub: string;
      /** Changes with every start. */
      readonly invocation: string;
    }
  | { readonly at: number; readonly kind: "trouble"; readonly text: string }
  | { readonly at: number; readonly kind: "end"; readonly complete: boolean };

/** `before`: steady state is awaited; `during`: steps are played; `after`: steady state is awaited again. */
export type Phase = "before" | "during" | "after";

/**
 * What a proved fault means for its victims: `off`, nothing runs and nobody can look; `frozen`, nothing moves and nobody can
 * look; `network`, all runs, but machines do not hear each other; `process`, something on it died or stands still; `load`,
 * it is short of something.
 */
export type FaultEffect = "off" | "frozen" | "network" | "process" | "load";

/** `active`: proved to bite; `toothless`: could not be proved; `healed`: proved to be gone; `stuck`: could not be healed. */
export type FaultAction = "inject" | "active" | "toothless" | "heal" | "healed" | "stuck";

/** Takes events in the order in which they became known. */
export interface Recorder {
  /** Adds an event; `at` is filled in here. */
  record(event: WithoutTime<HistoryEvent>): void;
  readonly events: readonly HistoryEvent[];
}

/** An event before its time is known; distributes over the union. */
export type WithoutTime<T> = T extends unknown ? Omit<T, "at"> : never;

export interface RecorderOptions {
  readonly clock: Clock;
  /** Called with each line as it comes, so that a crash loses nothing. */
  readonly append: (line: string) => void;
  readonly observe?: (event: HistoryEvent) => void;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const start = options.clock.monotonic();
  const events: HistoryEvent[] = [];
  return {
    events,
    record: (event) => {
      const timed = { at: Math.round(options.clock.monotonic() - start), ...event } as HistoryEvent;
      events.push(timed);
      options.append(`${JSON.stringify(timed)}\n`);
      options.observe?.(timed);
    },
  };
}
