import type { Clock } from "../../foundation/clock.ts";
import type { Recorder } from "../history/history.ts";
import type { Sample, Stage } from "../stage/stage.ts";

/** What is known right now, kept up to date by one watch per machine. */
export interface Observer {
  /** The machines on which the unit is active, by their own systemd, among those in sight. */
  activeOn(unit: string): readonly string[];
  inSight(node: string): boolean;
  /** Gives up the watch of a machine that is known to be without power; it is looked for anew. */
  forget(node: string): void;
  stop(): Promise<void>;
}

export interface ObserverOptions {
  readonly stage: Stage;
  readonly units: readonly string[];
  readonly recorder: Recorder;
  readonly clock: Clock;
}

/** What is asked for when nothing else is: that a machine answers at all shows that it is in sight. */
const signOfLife = "-.slice";

/** Before a lost machine is looked for again, ms. */
const lookAgainAfter = 100;

/** Watches all machines until stopped; a machine that is lost is looked for again and again. */
export function observe(options: ObserverOptions): Observer {
  const { stage, units, recorder, clock } = options;
  const stopping = new AbortController();
  const known = new Map<string, Map<string, Sample>>();
  const watching = new Map<string, AbortController>();

  const follow = async (node: string): Promise<void> => {
    const watch = new AbortController();
    watching.set(node, watch);
    const signal = AbortSignal.any([stopping.signal, watch.signal]);
    for await (const sample of stage.watch(node, units.length === 0 ? [signOfLife] : units, signal)) {
      const samples = known.get(node) ?? new Map<string, Sample>();
      if (!known.has(node)) {
        known.set(node, samples);
        recorder.record({ kind: "sight", node, seen: true });
      }
      if (sample.unit === signOfLife) continue;
      samples.set(sample.unit, sample);
      recorder.record({ kind: "sample", node, ...sample });
    }
  };
  const keepFollowing = async (node: string): Promise<void> => {
    recorder.record({ kind: "sight", node, seen: false });
    while (!stopping.signal.aborted) {
      await follow(node).catch(() => undefined);
      if (known.delete(node)) recorder.record({ kind: "sight", node, seen: false });
      await clock.sleep(lookAgainAfter, stopping.signal).catch(() => undefined);
    }
  };
  const watches = stage.nodes.map(keepFollowing);

  return {
    activeOn: (unit) => stage.nodes.filter((node) => known.get(node)?.get(unit)?.active === "active"),
    inSight: (node) => known.has(node),
    forget: (node) => {
      known.get(node)?.clear();
      watching.get(node)?.abort(new Error("the machine has no power"));
    },
    stop: async () => {
      stopping.abort(new Error("the observer was stopped"));
      await Promise.all(watches);
    },
  };
}
