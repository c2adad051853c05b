import { showDuration } from "../../foundation/duration.ts";
import type { Recorder } from "../history/history.ts";
import { showProbe, type SteadyProbe } from "../scenario/probe.ts";
import { look, paceOf, type ProbingOptions, type Seen } from "./probing.ts";

/** How often a probe that is watched asks machines, at most; ms. */
const gentle = 500;

export interface Watch {
  /** Records, for each probe that never was false for too long, that it held. */
  stop(): Promise<void>;
}

/**
 * Looks again and again at the probes that are to hold while things break. One that is false for longer than its
 * tolerance is recorded once, at that moment.
 */
export function watchProbes(
  options: ProbingOptions,
  probes: readonly SteadyProbe[],
  recorder: Recorder,
): Watch {
  const { clock, signal } = options;
  const stopping = new AbortController();
  const ends = AbortSignal.any([signal, stopping.signal]);
  const watched = probes.filter(({ during }) => during === true);

  const verdict = (probe: SteadyProbe, ok: boolean, detail: string): void =>
    recorder.record({ kind: "probe", phase: "during", text: `throughout: ${showProbe(probe)}`, ok, detail });

  const follow = async (probe: SteadyProbe): Promise<void> => {
    const { tolerance = 0 } = probe;
    const pace = probe.every ?? Math.max(paceOf(probe), "unit" in probe ? 0 : gentle);
    let falseSince: number | undefined;
    let longest = 0;
    let looks = 0;
    while (!ends.aborted) {
      const asked = clock.monotonic();
      const seen = await look({ ...options, signal: ends }, probe).catch(
        (error: unknown): Seen | undefined => {
          if (ends.aborted) return undefined;
          return { ok: false, detail: error instanceof Error ? error.message : String(error) };
        },
      );
      if (seen === undefined) break;
      looks += 1;
      falseSince = seen.ok ? undefined : (falseSince ?? asked);
      longest = Math.max(longest, falseSince === undefined ? 0 : clock.monotonic() - falseSince);
      if (falseSince !== undefined && longest > tolerance) {
        verdict(
          probe,
          false,
          `false for ${showDuration(longest)} (allowed: ${showDuration(tolerance)}): ${seen.detail}`,
        );
        return;
      }
      await clock.sleep(pace, ends).catch(() => undefined);
    }
    if (looks > 0)
      verdict(probe, true, `looked ${looks} times, never false for longer than ${showDuration(longest)}`);
  };
  const all = watched.map(follow);
  return {
    stop: async () => {
      stopping.abort(new Error("the watch was stopped"));
      await Promise.all(all);
    },
  };
}
