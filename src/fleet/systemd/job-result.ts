import type { JobResult } from "./systemd.ts";

const meanings: Readonly<
  Record<string, { result: Exclude<JobResult["result"], "done" | "refused">; why: string }>
> = {
  failed: { result: "failed", why: "its job failed" },
  canceled: { result: "canceled", why: "its job was replaced by another one" },
  collected: { result: "canceled", why: "its job was dropped before it ran" },
  timeout: { result: "timeout", why: "its job did not end in the time that the unit allows" },
  dependency: { result: "dependency", why: "a unit that it depends on failed" },
  skipped: { result: "skipped", why: "there was nothing to do for it in its state" },
  once: { result: "skipped", why: "it may be started only once and was started before" },
  assert: { result: "failed", why: "an assertion of its unit file does not hold" },
  unsupported: { result: "failed", why: "systemd does not support this type of unit here" },
  invalid: { result: "failed", why: "this kind of job does not apply to it" },
};

/** Puts the result word of systemd's JobRemoved signal into our terms. */
export function jobResult(unit: string, word: string): JobResult {
  if (word === "done") return { result: "done" };
  const meaning = meanings[word] ?? { result: "failed" as const, why: `its job ended with "${word}"` };
  return { result: meaning.result, why: `${unit}: ${meaning.why}` };
}
