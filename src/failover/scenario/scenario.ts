import { z } from "zod";
import { injectSchema, faultNames, optionsOf, showFault, soakFaultSchema } from "./inject.ts";
import { probeSchema, showProbe, steadySchema } from "./probe.ts";
import { duration, victims } from "./words.ts";

/** What a scenario file may say. Kept small on purpose: it is a list of steps, not a language. */

const services = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const soak = z
  .strictObject({
    soak: duration.meta({ description: "for how long" }),
    faults: z.array(soakFaultSchema).min(1).meta({ description: "drawn by lot, one at a time" }),
    victims: victims.default("one"),
    each: duration.default(8_000).meta({ description: "how long each fault lasts (8s)" }),
    rest: duration.default(5_000).meta({ description: "how long all is steady in between (5s)" }),
  })
  .meta({ description: "faults drawn by lot, one after the other, steady again after each" });

const step = z.union([
  injectSchema,
  z
    .strictObject({
      heal: z.enum(faultNames).meta({ description: "the fault" }),
      victims: victims.optional(),
    })
    .meta({ description: "mend it: on the named machines, or on all that still have it" }),
  z.strictObject({ wait: duration }).meta({ description: "let time pass while everything is observed" }),
  z.strictObject({ assert: probeSchema }).meta({ description: "must become true in its time" }),
  z
    .strictObject({ start: services })
    .meta({ description: "start units: files relative to cluster.yaml, or names that fleet knows" }),
  z.strictObject({ stop: services }).meta({ description: "stop units by name" }),
  z
    .strictObject({ reboot: victims })
    .meta({ description: "restart machines in good order, and wait until they are back" }),
  soak,
]);

const budget = z
  .strictObject({
    unit: z.string().min(1),
    recoveredWithin: duration
      .optional()
      .meta({ description: "after each fault that took it away, active again within" }),
    awayAtMost: duration.optional().meta({ description: "never away longer than this at a stretch" }),
    copiesAtMost: z.int().min(1).optional().meta({ description: "never active on more machines at once" }),
    startsAtMost: z.int().min(0).optional().meta({ description: "never started more often while observed" }),
  })
  .meta({ description: "what the run must keep to" });

export const scenarioSchema = z
  .strictObject({
    version: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "lower-case letters, digits and hyphens only"),
    about: z.string().default("").meta({ description: "one sentence for the report" }),
    services: z
      .array(z.string().min(1))
      .default([])
      .meta({ description: "unit files to have running, relative to cluster.yaml" }),
    steady: z.array(steadySchema).min(1).meta({
      description: "true before the first step and again after the last; with during: also in between",
    }),
    steps: z.array(step).min(1),
    budgets: z.array(budget).default([]),
  })
  .meta({ title: "A Flotilla scenario" });

export type Scenario = z.output<typeof scenarioSchema>;
export type Step = Scenario["steps"][number];
export type Soak = z.output<typeof soak>;
export type Budget = Scenario["budgets"][number];
export type { FaultName } from "./inject.ts";
export type { Probe } from "./probe.ts";

/** Every unit that the scenario speaks of: those are observed from beginning to end. */
export function unitsOf(scenario: Scenario): string[] {
  const probes = [
    ...scenario.steady,
    ...scenario.steps.flatMap((step) => ("assert" in step ? [step.assert] : [])),
  ];
  const named = [
    ...probes.flatMap((probe) => ("unit" in probe ? [probe.unit] : [])),
    ...probes.flatMap((probe) => unitsOfVictims("on" in probe ? probe.on : undefined)),
    ...scenario.budgets.map((budget) => budget.unit),
    ...scenario.steps.flatMap((step) => unitsOfVictims("victims" in step ? step.victims : undefined)),
    ...scenario.steps.flatMap((step) => ("reboot" in step ? unitsOfVictims(step.reboot) : [])),
    ...scenario.steps
      .flatMap((step) => ("faults" in step ? step.faults : []))
      .flatMap((fault) => unitsOfVictims(fault.victims)),
  ];
  return [...new Set(named)].toSorted();
}

function unitsOfVictims(words: string | readonly string[] | undefined): string[] {
  return words === undefined ? [] : [words].flat().flatMap((word) => runsUnit(word) ?? []);
}

/** The unit in `the machine that runs UNIT`; undefined for other words. */
export function runsUnit(victim: string): string | undefined {
  return /^(?:all but )?the machine that runs (\S+)$/.exec(victim)?.[1];
}

/** A step in words, for the report. */
export function showStep(step: Step): string {
  const list = (words: string | readonly string[]): string => [words].flat().join(", ");
  if ("soak" in step) return `soak for ${step.soak / 1_000} s`;
  if ("inject" in step) return `${showFault(step.inject, optionsOf(step))} on ${list(step.victims)}`;
  if ("heal" in step) {
    return `heal ${step.heal} ${step.victims === undefined ? "everywhere" : `on ${list(step.victims)}`}`;
  }
  if ("wait" in step) return `wait ${step.wait / 1_000} s`;
  if ("start" in step) return `start ${list(step.start)}`;
  if ("stop" in step) return `stop ${list(step.stop)}`;
  if ("reboot" in step) return `reboot ${list(step.reboot)}`;
  return `assert: ${showProbe(step.assert)}`;
}
