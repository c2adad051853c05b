import type { Clock } from "../../foundation/clock.ts";
import type { Budget } from "../scenario/scenario.ts";

/**
 * The history of one run: an append-only list of what was done and what was observed, from which everything else (verdict,
 * times, reports) is computed. Written as NDJSON, one event a line. `at` is milliseconds since the run began, measured by
 * the controller's monotonic clock at the moment it knew; observations are late by at most the bound that `begin` names.
 */

/** The version of the history's format; readers refuse another one. */
export const historyVersion = 2;

export type HistoryEvent =
  | {
      readonly at: number;
      readonly kind: "begin";
      readonly v: typeof historyVersion;
      readonly scenario: string;
      readonly about: string;
      readonly cluster: string;
      readonly provider: string;
      /** How many times longer than a container a machine may take for anything; 1 when it is missing. */
      readonly patience?: number;
      /** What a power cut is here: the node's processes die, or a virtual machine loses its power. */
      readonly powerCut: string;
      readonly seed: number;
      /** Wall-clock time of `at: 0`, ISO 8601. */
      readonly startedAt: string;
      readonly nodes: readonly string[];
      readonly units: readonly string[];
      /** Every `at` is read from this clock. */
      readonly clock: "controller, monotonic, ms";
      /** How late an observation may be when nothing is wrong, ms: a state may have changed that much earlier. */
      readonly lateBy: { readonly sample: number; readonly registry: number };
      /** What the run must keep to, so that the history alone tells the verdict. */
      readonly budgets: readonly Budget[];
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
      /** ms that breaking or mending itself took, without its proof. */
      readonly took?: number;
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
  | {
      readonly at: number;
      readonly kind: "registry";
      /** The machine whose etcd said so first. */
      readonly via: string;
      /** etcd's revision; orders changes even when they became known late. */
      readonly revision: number;
      readonly record: RegistryRecord;
    }
  | {
      readonly at: number;
      readonly kind: "registry-sight";
      /** Whether any machine's etcd tells us of changes. */
      readonly seen: boolean;
    }
  | { readonly at: number; readonly kind: "audit"; readonly phase: Phase; readonly audit: NodeAudit }
  | { readonly at: number; readonly kind: "trouble"; readonly text: string }
  | { readonly at: number; readonly kind: "end"; readonly complete: boolean };

/** One change of what fleet has written into etcd. Machines are named as cluster.yaml names them. */
export type RegistryRecord =
  | { readonly type: "machine"; readonly machine: string; readonly present: boolean }
  | { readonly type: "leader"; readonly machine: string | undefined }
  | {
      readonly type: "placement";
      readonly unit: string;
      readonly machine: string | undefined;
      /** Why the engine gave it that place, or took its place away, as far as it said. */
      readonly reason?: string;
    }
  | { readonly type: "refusal"; readonly unit: string; readonly summary: string | undefined }
  | {
      readonly type: "state";
      readonly unit: string;
      readonly machine: string;
      /** systemd's ActiveState as the machine published it; undefined when it withdrew it. */
      readonly active: string | undefined;
    }
  | {
      readonly type: "unit";
      readonly unit: string;
      /** Undefined when the unit was destroyed. */
      readonly desired: string | undefined;
      /** The lines of the unit file as `Section/Name=value`. */
      readonly options: readonly string[];
    };

/** What one machine answers when it is asked directly; a part that could not be had is undefined. */
export interface NodeAudit {
  readonly node: string;
  /** The names of the containers that run there. */
  readonly containers: readonly string[] | undefined;
  /** The units that fleet's API lists there. */
  readonly units: readonly { readonly unit: string; readonly desired: string }[] | undefined;
  /** The states that fleet's API tells there, of all machines. */
  readonly states:
    | readonly { readonly unit: string; readonly machine: string; readonly active: string }[]
    | undefined;
}

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
