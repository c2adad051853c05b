import { jobResult } from "./job-result.ts";
import type { JobResult, SystemdStatus } from "./systemd.ts";

/** What ListUnitsByNames tells of a unit; `job` is `/` when there is none. */
export interface UnitRow {
  readonly name: string;
  readonly status: SystemdStatus;
  readonly job: string;
}

/** Brings the ends of jobs (JobRemoved) to those who wait for them. */
export interface Jobs {
  /** Asks for a job by `request`, which gives its object path, and waits for its end. */
  run(
    unit: string,
    kind: "start" | "stop",
    request: () => Promise<string>,
    signal?: AbortSignal,
  ): Promise<JobResult>;
  /** A JobRemoved signal came. */
  removed(job: string, result: string): void;
  /** Signals may have been missed up to now. To be called before anything is asked over the new connection. */
  afterGap(): Missed;
  /** Nobody will hear of any end any more. */
  fail(error: Error): void;
}

/** Those who waited already when signals may have been missed: later ones hear of their ends as usual. */
export interface Missed {
  readonly units: readonly string[];
  /** Settles the jobs that are no longer there by the state they left behind. */
  settle(rows: readonly UnitRow[]): void;
}

interface Waiting {
  readonly unit: string;
  readonly kind: "start" | "stop";
  readonly job: string;
  readonly settle: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

export function createJobs(): Jobs {
  const waiting = new Set<Waiting>();
  /** Ends that came before the reply that names the job; kept while such a reply is outstanding. */
  const early = new Map<string, string>();
  let requests = 0;

  const ask = async (request: () => Promise<string>): Promise<{ job: string; ended: string | undefined }> => {
    requests++;
    try {
      const job = await request();
      return { job, ended: early.get(job) };
    } finally {
      requests--;
      if (requests === 0) early.clear();
    }
  };

  return {
    run: async (unit, kind, request, signal) => {
      const { job, ended } = await ask(request);
      if (ended !== undefined) return jobResult(unit, ended);
      return await waitAmong(waiting, { unit, kind, job }, signal);
    },
    removed: (job, result) => {
      if (requests > 0) early.set(job, result);
      for (const entry of waiting) if (entry.job === job) entry.settle(jobResult(entry.unit, result));
    },
    afterGap: () => {
      // A systemd that was executed anew may give the same names to other jobs.
      early.clear();
      const missed = [...waiting];
      return {
        units: [...new Set(missed.map((entry) => entry.unit))],
        settle: (rows) => {
          for (const entry of missed) {
            const row = rows.find(({ name }) => name === entry.unit);
            if (row !== undefined && row.job !== entry.job) entry.settle(fromState(entry, row.status));
          }
        },
      };
    },
    fail: (error) => {
      for (const entry of waiting) entry.reject(error);
    },
  };
}

/** Waits for the job's end as one of those who do. */
function waitAmong(
  waiting: Set<Waiting>,
  asked: Pick<Waiting, "unit" | "kind" | "job">,
  signal: AbortSignal | undefined,
): Promise<JobResult> {
  return new Promise<JobResult>((resolve, reject) => {
    const entry: Waiting = { ...asked, settle: end(resolve), reject: end(reject) };
    function end<T>(finish: (value: T) => void): (value: T) => void {
      return (value) => {
        waiting.delete(entry);
        signal?.removeEventListener("abort", onAbort);
        finish(value);
      };
    }
    const onAbort = (): void => entry.reject(signal?.reason as Error);
    waiting.add(entry);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

function fromState({ unit, kind }: Waiting, { active }: SystemdStatus): JobResult {
  const running = active !== "inactive" && active !== "failed";
  if (kind === "start") return active === "failed" ? jobResult(unit, "failed") : { result: "done" };
  return running ? jobResult(unit, "canceled") : { result: "done" };
}
