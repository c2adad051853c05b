import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { silentLog } from "../../foundation/log.ts";
import { createMirror } from "../registry/mirror.ts";
import type { Session, Term } from "../registry/registry.ts";
import { standForElection } from "./lead.ts";

/** Etcd is silent: only the signal ends a call. */
const silence = (signal?: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal?.addEventListener("abort", () => reject(new AppError("E_ETCD", "no answer")), { once: true }),
  );

/** A session that leads at once, under an etcd that answers nothing after that. */
function leadingSession(): Session {
  const term: Term = {
    over: new AbortController().signal,
    commit: (_, signal) => silence(signal),
    resign: silence,
  };
  return {
    machineID: "m1",
    leaseId: "1",
    lost: new AbortController().signal,
    unbrokenSince: 0,
    doubt: () => undefined,
    updateMachine: (_, signal) => silence(signal),
    putState: (_, signal) => silence(signal),
    deleteState: (_, signal) => silence(signal),
    campaign: async () => term,
    withdraw: silence,
    end: silence,
  };
}

describe("standing for election", () => {
  const stand = async (
    clock: ManualClock,
  ): Promise<{ stop: AbortController; ended: () => boolean; terms: unknown[] }> => {
    const stop = new AbortController();
    const terms: unknown[] = [];
    let over = false;
    const mirror = createMirror({ later: queueMicrotask, onClose: () => undefined });
    const options = { session: leadingSession(), mirror, version: 1, clock, log: silentLog() };
    void standForElection({ ...options, onTerm: (term) => terms.push(term) }, stop.signal).then(
      () => (over = true),
    );
    await clock.advance(60_000);
    return { stop, ended: () => over, terms };
  };

  it("gives up within two seconds when it shall end and cannot resign", async () => {
    const clock = manualClock();
    const { stop, ended, terms } = await stand(clock);
    expect(terms).toHaveLength(1);
    stop.abort(new Error("enough"));
    await clock.advance(0);
    expect([terms.at(-1), ended()]).toEqual([undefined, false]);
    await clock.advance(2_000);
    expect(ended()).toBe(true);
    expect(clock.sleepers).toBe(0);
  });
});
