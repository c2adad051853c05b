import { z } from "zod";
import { duration, megabytes, plainName, victims } from "./words.ts";

/** What a scenario, or `cluster fault inject`, may say of a fault. */

export const faultNames = [
  "power-cut",
  "halt",
  "reboot",
  "freeze",
  "process-kill",
  "process-pause",
  "partition",
  "packet-loss",
  "packet-delay",
  "registry-outage",
  "container-kill",
  "unit-crash",
  "cpu-pressure",
  "memory-pressure",
  "disk-full",
  "clock-step",
] as const;

export type FaultName = (typeof faultNames)[number];

const options = {
  process: z
    .enum(["fleetd", "etcd", "docker"])
    .optional()
    .meta({ description: "of process-kill and process-pause: which" }),
  unit: plainName.optional().meta({ description: "of unit-crash: which" }),
  container: plainName.optional().meta({ description: "of container-kill: its name" }),
  direction: z
    .enum(["both", "in", "out"])
    .optional()
    .meta({ description: "of partition: the victims hear nothing (in), are not heard (out), or both" }),
  only: z.enum(["etcd"]).optional().meta({ description: "of partition: nothing but etcd's ports" }),
  flap: duration
    .optional()
    .meta({ description: "of partition: the cable is out and in again by turns, for so long each" }),
  percent: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: "of packet-loss: how much is lost, both ways" }),
  delay: duration.optional().meta({ description: "of packet-delay: by how much" }),
  size: megabytes.optional().meta({ description: "of memory-pressure: how much is taken" }),
  by: duration.optional().meta({ description: "of clock-step: how far the clock jumps ahead" }),
};

/** Which options a fault needs, and which it may have. */
const taken: Readonly<Partial<Record<FaultName, Readonly<Record<string, "must" | "may">>>>> = {
  "process-kill": { process: "must" },
  "process-pause": { process: "must" },
  partition: { direction: "may", only: "may", flap: "may" },
  "packet-loss": { percent: "must" },
  "packet-delay": { delay: "must" },
  "container-kill": { container: "must" },
  "unit-crash": { unit: "must" },
  "memory-pressure": { size: "must" },
  "clock-step": { by: "must" },
};

const name = z.enum(faultNames).meta({ description: "the fault" });
/** When a fault is undone by itself if nobody says otherwise, ms. */
export const defaultTtl = 120_000;
const ttl = duration
  .optional()
  .meta({ description: "undone by itself after this time when nobody is left to heal it (2m)" });

/** @param fields what else the object has */
function faultObject<Shape extends z.ZodRawShape>(fields: Shape) {
  return z.strictObject({ inject: name, ...fields, ...options, ttl }).superRefine((value, context) => {
    const said = value as Readonly<Record<string, unknown>>;
    const fault = said["inject"] as FaultName;
    for (const option of Object.keys(options)) {
      const rule = taken[fault]?.[option];
      if (rule === "must" && said[option] === undefined) {
        context.addIssue({ code: "custom", path: ["inject"], message: `${fault} needs "${option}"` });
      }
      if (rule === undefined && said[option] !== undefined) {
        const known = Object.keys(taken[fault] ?? {});
        const hint = known.length === 0 ? "takes no options" : `takes ${known.join(", ")}`;
        context.addIssue({ code: "custom", path: [option], message: `${fault} ${hint}, not "${option}"` });
      }
    }
  });
}

export const injectSchema = faultObject({ victims }).meta({ description: "break something" });
/** Without victims: what a soak draws from. */
export const soakFaultSchema = faultObject({ victims: victims.optional() });

export type Inject = z.output<typeof injectSchema>;
export type SoakFault = z.output<typeof soakFaultSchema>;

/** What distinguishes one partition from another, one killed process from another. */
export type FaultOptions = Partial<Record<keyof typeof options, string | number>>;

/** The options of a fault, without its name, victims and time. */
export function optionsOf(inject: SoakFault): FaultOptions {
  const entries = Object.keys(options).map((key) => [key, inject[key as keyof typeof options]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** A fault in words: `process-kill of etcd`. */
export function showFault(
  fault: string,
  { process, unit, container, direction, only, flap, percent, delay, size, by }: FaultOptions,
): string {
  const words = [
    ...[process, unit, container].flatMap((what) => (what === undefined ? [] : [`of ${what}`])),
    ...(direction === undefined || direction === "both" ? [] : [`(${direction})`]),
    ...(only === undefined ? [] : [`of ${only} only`]),
    ...(flap === undefined ? [] : [`flapping every ${Number(flap) / 1_000} s`]),
    ...(percent === undefined ? [] : [`of ${percent} %`]),
    ...(delay === undefined ? [] : [`of ${delay} ms`]),
    ...(size === undefined ? [] : [`of ${size} MB`]),
    ...(by === undefined ? [] : [`by ${Number(by) / 1_000} s`]),
  ];
  return [fault, ...words].join(" ");
}
