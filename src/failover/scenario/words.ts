import { z } from "zod";
import { parseDuration } from "../../foundation/duration.ts";

/** The small words of scenario files. */

export const duration = z
  .string()
  .meta({ description: "a time such as 500ms, 10s or 2m", examples: ["10s"] })
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0) return ms;
    context.addIssue({ code: "custom", message: `"${text}" is no duration; write for example 10s or 500ms` });
    return z.NEVER;
  });

export const megabytes = z
  .string()
  .meta({ description: "an amount such as 200MB", examples: ["200MB"] })
  .transform((text, context) => {
    const amount = /^([1-9]\d{0,5})\s?MB$/.exec(text)?.[1];
    if (amount !== undefined) return Number(amount);
    context.addIssue({ code: "custom", message: `"${text}" is no amount; write for example 200MB` });
    return z.NEVER;
  });

export const victims = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
  description:
    "machine names, `all`, `one`, `two of three`, `half`, `a minority`, `a majority`, `the machine that runs UNIT`, " +
    "`etcd leader`, `engine leader`, or `all but` one of these",
  examples: ["the machine that runs hello.service", "all", ["core-02", "core-03"], "a minority"],
});

export type Victims = z.output<typeof victims>;

/** A name in a command line on a node: nothing that a shell could misunderstand. */
export const plainName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9@:._\\-]*$/, "letters, digits and @ : . _ - only");
