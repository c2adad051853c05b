import type { Budget, Scenario, Step } from "./scenario.ts";
import { defaultTtl } from "./inject.ts";

/**
 * The same scenario for machines that are slower: it waits `times` as long for everything and allows `times` as long. What
 * a fault itself is (the length of a delay, of a step of the clock) stays.
 */
export function slowed(scenario: Scenario, times: number): Scenario {
  if (times === 1) return scenario;
  return {
    ...scenario,
    steady: scenario.steady.map((probe) => longer(probe, times)),
    steps: scenario.steps.map((step) => slowedStep(step, times)),
    budgets: scenario.budgets.map((budget: Budget) => longer(budget, times)),
  };
}

function slowedStep(step: Step, times: number): Step {
  if ("inject" in step) return { ...step, ttl: (step.ttl ?? defaultTtl) * times };
  if ("wait" in step) return { wait: step.wait * times };
  if ("assert" in step) return { assert: longer(step.assert, times) };
  if (!("soak" in step)) return step;
  const faults = step.faults.map((fault) => ({ ...fault, ttl: (fault.ttl ?? defaultTtl) * times }));
  return { ...step, soak: step.soak * times, each: step.each * times, rest: step.rest * times, faults };
}

const spans = ["within", "tolerance", "recoveredWithin", "awayAtMost"];

function longer<Part extends object>(part: Part, times: number): Part {
  const entries = Object.entries(part).map(([key, value]: [string, unknown]) => [
    key,
    spans.includes(key) && typeof value === "number" ? value * times : value,
  ]);
  return Object.fromEntries(entries) as Part;
}
