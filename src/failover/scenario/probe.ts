import { z } from "zod";
import { duration, victims } from "./words.ts";

/** What can be asked of a cluster, each as one line of a scenario. */

const timing = {
  within: duration.default(60_000).meta({ description: "must become true within (60s)" }),
  every: duration.optional().meta({ description: "asked again after (100ms; for a unit 20ms)" }),
};

const on = victims
  .optional()
  .meta({ description: "the machines that ask, each of them; else the first that runs" });

const unitProbe = z
  .strictObject({
    unit: z.string().min(1).meta({ description: "the unit's name" }),
    active: z.int().min(0).default(1).meta({ description: "on exactly so many machines" }),
    ...timing,
  })
  .meta({ description: "the unit is active on exactly so many machines, by their own systemd" });

const machinesProbe = z
  .strictObject({
    machines: z
      .union([z.literal("all"), z.int().min(0)])
      .meta({ description: "how many fleet must list: a number, or all that the cluster has" }),
    ...timing,
  })
  .meta({ description: "fleet lists so many machines, asked on every machine that runs" });

const httpProbe = z
  .strictObject({
    http: z.url({ protocol: /^https?$/ }).meta({ description: "a URL; machine names work as host names" }),
    status: z.int().min(100).max(599).default(200).meta({ description: "the answer's status" }),
    contains: z.string().min(1).optional().meta({ description: "a text in the answer" }),
    on,
    ...timing,
  })
  .meta({ description: "a URL answers, asked on a machine" });

const tcpProbe = z
  .strictObject({
    tcp: z
      .string()
      .regex(/^[A-Za-z0-9.-]+:\d{1,5}$/, "HOST:PORT")
      .meta({ description: "HOST:PORT" }),
    on,
    ...timing,
  })
  .meta({ description: "a port takes connections, tried on a machine" });

const commandProbe = z
  .strictObject({
    command: z.string().min(1).meta({ description: "a command line for sh, run as root" }),
    prints: z.string().optional().meta({ description: "a text that it must print" }),
    on,
    ...timing,
  })
  .meta({ description: "a command on a machine succeeds" });

const etcdProbe = z
  .strictObject({
    etcd: z
      .string()
      .regex(/^\/[A-Za-z0-9._/-]+$/, "a path such as /services/web")
      .meta({ description: "a key, as etcdctl on the machines sees it" }),
    value: z.string().optional().meta({ description: "what it must hold; else it must only exist" }),
    on,
    ...timing,
  })
  .meta({ description: "a key is in etcd, by a read that needs its quorum" });

export const probeSchema = z.union([unitProbe, machinesProbe, httpProbe, tcpProbe, commandProbe, etcdProbe]);

const watched = {
  during: z
    .literal(true)
    .optional()
    .meta({ description: "looked at again and again while the steps are played, too" }),
  tolerance: duration
    .optional()
    .meta({ description: "with during: it may be false for so long at a stretch (never)" }),
};

/** A probe of the steady state: it can also be watched while things break. */
export const steadySchema = z.union([
  unitProbe.extend(watched),
  machinesProbe.extend(watched),
  httpProbe.extend(watched),
  tcpProbe.extend(watched),
  commandProbe.extend(watched),
  etcdProbe.extend(watched),
]);

export type Probe = z.output<typeof probeSchema>;
export type SteadyProbe = z.output<typeof steadySchema>;
/** A probe that runs a command on machines. */
export type AskingProbe = Exclude<Probe, { unit: string } | { machines: number | "all" }>;

/** A probe in words, for the report. */
export function showProbe(probe: Probe): string {
  if ("unit" in probe)
    return `${probe.unit} is active on ${probe.active} machine${probe.active === 1 ? "" : "s"}`;
  if ("machines" in probe)
    return probe.machines === "all" ? "fleet lists all machines" : `fleet lists ${probe.machines} machines`;
  const where = probe.on === undefined ? "" : ` on ${[probe.on].flat().join(", ")}`;
  if ("http" in probe) {
    const text = probe.contains === undefined ? "" : ` with "${probe.contains}"`;
    return `${probe.http} answers ${probe.status}${text}${where}`;
  }
  if ("tcp" in probe) return `${probe.tcp} takes connections${where}`;
  if ("command" in probe) return `\`${probe.command}\` succeeds${where}`;
  return `etcd has ${probe.etcd}${probe.value === undefined ? "" : ` = ${probe.value}`}${where}`;
}
