import { randomUUID } from "node:crypto";
import { AppError } from "../../../foundation/errors.ts";
import type { Term } from "../registry.ts";
import type { Candidate } from "./campaign.ts";
import type { EtcdContext } from "./context.ts";
import { chunksOf, releasedBy, stepsFor } from "./decisions.ts";
import type { Guard, Step } from "./kv.ts";
import { createdAt, modifiedAt, put, read, remove, transact } from "./kv.ts";

interface Reign extends Candidate {
  /** The revisions at which the leader's record was created and last written. */
  readonly created: bigint;
  readonly modified: bigint;
}

type Commit = Term["commit"];

/** The term of a leader whose record was created at `created`. */
export function openTerm(context: EtcdContext, reign: Reign): Term {
  const { members, layout } = context;
  const { lost, explain, created } = reign;
  const carryOut = fencedBy(context, reign);
  const over = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  const end = (): void => over.abort(new AppError("E_ETCD", "the term as leader is over"));
  if (lost.aborted) end();
  else lost.addEventListener("abort", end, { once: true, signal: over.signal });

  const commit: Commit = async (decisions, signal) => {
    let revision = 0n;
    for (const chunk of chunksOf(decisions)) {
      if (over.signal.aborted) return "deposed";
      const done = await carryOut(chunk, signal);
      if (done === "deposed") return done;
      if (done > revision) revision = done;
    }
    return over.signal.aborted ? "deposed" : revision;
  };

  return {
    over: over.signal,
    commit: (decisions, signal) => {
      const mine = last.then(async () => {
        try {
          const done = await commit(decisions, signal);
          if (done === "deposed") end();
          return done;
        } catch (error) {
          const ours = explain(error);
          if (lost.aborted) return "deposed";
          throw ours;
        }
      });
      last = mine.catch(() => undefined);
      return mine;
    },
    resign: async (signal) => {
      if (over.signal.aborted) return;
      await last;
      const key = layout.leader;
      await transact(members, { when: [createdAt(key, created)], then: [remove(key)] }, { signal });
      end();
    },
  };
}

/**
 * Carries out chunks of decisions. Each writes the leader's record anew and holds only if that is as the chunk before
 * left it. So a request that reaches etcd a second time, late, through a member that was frozen, moves nothing.
 */
function fencedBy(context: EtcdContext, reign: Reign): Commit {
  const { members, layout } = context;
  const { machineID, engine, lease, created } = reign;
  const key = layout.leader;
  let { modified } = reign;
  const fence = (): Guard[] => [createdAt(key, created), modifiedAt(key, modified)];
  return async (chunk, signal) => {
    for (;;) {
      const steps: Step[] = await stepsFor(context, chunk, signal);
      if (steps.length === 0) return 0n;
      // A record that is removed cannot say why; the leader's own, written in the same step, does.
      const value = JSON.stringify({ machineID, engine, commit: randomUUID(), released: releasedBy(chunk) });
      const done = await transact(
        members,
        { when: fence(), then: [...steps, put(key, value, lease)], otherwise: [read(key)] },
        { signal },
      );
      const [found] = done.found;
      const ours = done.held || found?.value === value;
      if (ours) {
        modified = done.held ? done.revision : (found?.modified ?? modified);
        return done.held && !done.wroteBeforeLast ? 0n : modified;
      }
      if (found?.created !== created) return "deposed";
      // A chunk that we had given up has arrived after all. What it did is read again.
      modified = found.modified;
    }
  };
}
