import { z } from "zod";
import type { Log } from "../../../foundation/log.ts";
import type { Cordon, Machine, Placement, Refusal, Unit, UnitState } from "../../model.ts";
import type { MetadataChange } from "../registry.ts";
import type { Change } from "../replica.ts";
import type { Layout } from "./layout.ts";

const machine = z.object({
  id: z.string(),
  publicIP: z.string(),
  metadata: z.record(z.string(), z.string()),
  version: z.string(),
  engine: z.number().default(0),
  bootId: z.string(),
  nonce: z.string(),
  leaving: z.boolean(),
  joined: z.number().default(0),
}) satisfies z.ZodType<Machine>;

const unit = z.object({
  name: z.string(),
  options: z.array(z.object({ section: z.string(), name: z.string(), value: z.string() })),
  desired: z.enum(["inactive", "loaded", "launched"]),
}) satisfies z.ZodType<Unit>;

const placement = z.object({
  unit: z.string(),
  machineID: z.string(),
  reason: z.string(),
}) satisfies z.ZodType<Placement>;

const state = z.object({
  unit: z.string(),
  machineID: z.string(),
  hash: z.string(),
  load: z.string(),
  active: z.string(),
  sub: z.string(),
  reached: z.enum(["loaded", "launched"]),
}) satisfies z.ZodType<UnitState>;

const refusal = z.object({
  unit: z.string(),
  reasons: z.array(z.object({ machineID: z.string(), why: z.string() })),
  unlisted: z.number().optional(),
  summary: z.string(),
}) satisfies z.ZodType<Refusal>;

const cordon = z.object({ machineID: z.string(), since: z.number() }) satisfies z.ZodType<Cordon>;

const metadata = z.object({
  machineID: z.string(),
  key: z.string(),
  value: z.string(),
}) satisfies z.ZodType<MetadataChange>;

const leader = z.object({
  machineID: z.string(),
  released: z.record(z.string(), z.string()).optional(),
});

/** The text of a record's value. Fields that a later fleet adds are ignored by this one. */
export const encode = (
  value: Machine | MetadataChange | Unit | Placement | UnitState | Refusal | Cordon,
): string => JSON.stringify(value);

/** The machine of a record's value; undefined when it is none. */
export const decodeMachine = (text: string): Machine | undefined => parsed(machine, text);
/** The unit of a record's value; undefined when it is none. */
export const decodeUnit = (text: string): Unit | undefined => parsed(unit, text);
/** The placement of a record's value; undefined when it is none. */
export const decodePlacement = (text: string): Placement | undefined => parsed(placement, text);

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Reads records into changes. A value that is not one of ours counts as absent and is logged, once until it is put
 * right; keys that we do not know are passed over.
 */
export interface Decoder {
  /**
   * @param value undefined when the record was removed
   * @param created the revision of the record's creation
   */
  decode(key: string, value: string | undefined, created: bigint): Change | undefined;
}

export function createDecoder(layout: Layout, log: Log): Decoder {
  const bad = new Set<string>();
  return {
    decode: (key, value, created) => {
      const change = withAge(changeOf(layout, key, value), created);
      if (value === undefined || change === undefined || change.value !== undefined) bad.delete(key);
      else if (!bad.has(key)) {
        bad.add(key);
        log.warn("passing over a record of the registry that is not one of ours", { key });
      }
      return change;
    },
  };
}

/** A machine's record cannot know its own revision. */
function withAge(change: Change | undefined, created: bigint): Change | undefined {
  if (change?.kind !== "machine" || change.value === undefined) return change;
  return { ...change, value: { ...change.value, joined: Number(created) } };
}

function changeOf(layout: Layout, key: string, value: string | undefined): Change | undefined {
  if (!key.startsWith(layout.prefix)) return undefined;
  const path = key.slice(layout.prefix.length);
  const slash = path.indexOf("/");
  const [kind, rest] = [path.slice(0, slash), path.slice(slash + 1)];
  const read = <T>(schema: z.ZodType<T>, belongs: (found: T) => boolean): T | undefined => {
    const found = value === undefined ? undefined : parsed(schema, value);
    return found !== undefined && belongs(found) ? found : undefined;
  };
  switch (kind) {
    case "machines":
      return { kind: "machine", id: rest, value: read(machine, ({ id }) => id === rest) };
    case "units":
      return { kind: "unit", name: rest, value: read(unit, ({ name }) => name === rest) };
    case "schedule":
      return { kind: "placement", unit: rest, value: read(placement, (found) => found.unit === rest) };
    case "refusals":
      return { kind: "refusal", unit: rest, value: read(refusal, (found) => found.unit === rest) };
    case "cordons": {
      const value = read(cordon, ({ machineID }) => machineID === rest);
      return { kind: "cordon", machineID: rest, value };
    }
    case "states": {
      const [machineID = "", ...name] = rest.split("/");
      const of = name.join("/");
      const belongs = (found: UnitState): boolean => found.unit === of && found.machineID === machineID;
      return { kind: "state", machineID, unit: of, value: read(state, belongs) };
    }
    case "metadata": {
      const [machineID = "", ...key] = rest.split("/");
      const of = key.join("/");
      const belongs = (found: MetadataChange): boolean => found.key === of && found.machineID === machineID;
      return { kind: "metadata", machineID, key: of, value: read(metadata, belongs)?.value };
    }
    case "engine": {
      if (rest !== "leader") return undefined;
      const found = read(leader, () => true);
      const told = found?.released === undefined ? {} : { released: found.released };
      return { kind: "leader", value: found?.machineID, ...told };
    }
    default:
      return undefined;
  }
}
