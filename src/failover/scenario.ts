import { z } from "zod";
import { parseDuration } from "../foundation/duration.ts";

/** What a scenario file may say. Kept small on purpose: it is a list of steps, not a language. */

const duration = z
  .string()
  .meta({ description: "a time such as 500ms, 10s or 2m", examples: ["10s"] })
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0) return ms;
    context.addIssue({ code: "custom", message: `"${text}" is no duration; write for example 10s or 500ms` });
    return z.NEVER;
  });

const unitProbe = z
  .strictObject({
    unit: z.string().min(1).meta({ description: "the unit's name" }),
    active: z.int().min(0).default(1).meta({ description: "on exactly so many machines" }),
    within: duration.default(60_000),
  })
  .meta({ description: "the unit is active on exactly so many machines, by their own systemd" });

const machinesProbe = z
  .strictObject({
    machines: z
      .union([z.literal("all"), z.int().min(0)])
      .meta({ description: "how many fleet must list: a number, or all that the cluster has" }),
    within: duration.default(60_000),
  })
  .meta({ description: "fleet lists so many machines, asked on every machine that runs" });

const probe = z.union([unitProbe, machinesProbe]);

const victims = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
  description: "machine names, `all`, `one`, `the machine that runs UNIT`, `etcd leader` or `engine leader`",
  examples: ["the machine that runs hello.service", "all", ["core-02", "core-03"]],
});

const faultNames = ["power-cut", "halt"] as const;

const step = z.union([
  z
    .strictObject({
      inject: z.enum(faultNames).meta({ description: "the fault" }),
      victims,
    })
    .meta({ description: "break something" }),
  z
    .strictObject({
      heal: z.enum(faultNames).meta({ description: "the fault" }),
      victims: victims.optional(),
    })
    .meta({ description: "mend it: on the named machines, or on all that still have it" }),
  z.strictObject({ wait: duration }).meta({ description: "let time pass while everything is observed" }),
  z.strictObject({ assert: probe }).meta({ description: "must become true in its time" }),
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
    steady: z
      .array(probe)
      .min(1)
      .meta({ description: "true before the first step and again after the last" }),
    steps: z.array(step).min(1),
    budgets: z.array(budget).default([]),
  })
  .meta({ title: "A Flotilla scenario" });

export type Scenario = z.output<typeof scenarioSchema>;
export type Step = Scenario["steps"][number];
export type Probe = Scenario["steady"][number];
export type Budget = Scenario["budgets"][number];
export type FaultName = (typeof faultNames)[number];

/** Every unit that the scenario speaks of: those are observed from beginning to end. */
export function unitsOf(scenario: Scenario): string[] {
  const probes = [
    ...scenario.steady,
    ...scenario.steps.flatMap((step) => ("assert" in step ? [step.assert] : [])),
  ];
  const named = [
    ...probes.flatMap((probe) => ("unit" in probe ? [probe.unit] : [])),
    ...scenario.budgets.map((budget) => budget.unit),
    ...scenario.steps.flatMap((step) => unitsOfVictims("victims" in step ? step.victims : undefined)),
  ];
  return [...new Set(named)].toSorted();
}

function unitsOfVictims(victims: string | readonly string[] | undefined): string[] {
  const words = victims === undefined ? [] : [victims].flat();
  return words.flatMap((word) => runsUnit(word) ?? []);
}

/** The unit in `the machine that runs UNIT`; undefined for other words. */
export function runsUnit(victim: string): string | undefined {
  return /^the machine that runs (\S+)$/.exec(victim)?.[1];
}

/** A probe in words, for the report. */
export function showProbe(probe: Probe): string {
  if ("unit" in probe)
    return `${probe.unit} is active on ${probe.active} machine${probe.active === 1 ? "" : "s"}`;
  return probe.machines === "all" ? "fleet lists all machines" : `fleet lists ${probe.machines} machines`;
}

/** A step in words, for the report. */
export function showStep(step: Step): string {
  if ("inject" in step) return `${step.inject} on ${[step.victims].flat().join(", ")}`;
  if ("heal" in step) {
    const where = step.victims === undefined ? "everywhere" : `on ${[step.victims].flat().join(", ")}`;
    return `heal ${step.heal} ${where}`;
  }
  if ("wait" in step) return `wait ${step.wait / 1000} s`;
  return `assert: ${showProbe(step.assert)}`;
}
