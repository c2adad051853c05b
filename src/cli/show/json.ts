import type { Writable } from "node:stream";
import { stepName } from "../../lifecycle/plan/plan.ts";
import type { ClusterEvent } from "../../lifecycle/events.ts";
import type { Reporter } from "./reporter.ts";

/** One JSON document per event and line, on standard output: `{"v":1,"event":"step-begin","step":"start core-01",…}`. */
export function jsonReporter(stdout: Writable): Reporter {
  return {
    emit: (event) => void stdout.write(`${JSON.stringify(eventJson(event))}\n`),
    end: () => Promise.resolve(),
  };
}

/** A flat object: `event` is its kind, `step` a step's name, and the step's own fields beside it. */
export function eventJson(event: ClusterEvent): object {
  const { kind, ...fields } = event;
  if ("steps" in fields) {
    const steps = fields.steps.map((step) => ({ ...step, name: stepName(step) }));
    return { v: 1, event: kind, verb: fields.verb, steps };
  }
  if (!("step" in fields)) return { v: 1, event: kind, ...fields };
  const { step, ...rest } = fields;
  const { kind: action, ...about } = step;
  return { v: 1, event: kind, step: stepName(step), action, ...about, ...rest };
}
