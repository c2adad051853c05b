import * as fc from "fast-check";
import { isAppError } from "../../src/foundation/errors.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { readFleetConfig } from "../../src/fleet/config.ts";
import { createDecoder } from "../../src/fleet/registry/etcd/codec.ts";
import { layoutAt } from "../../src/fleet/registry/etcd/layout.ts";
import { parseUnitFile } from "../../src/fleet/unit/parse.ts";
import { hashUnit, serializeUnit } from "../../src/fleet/unit/serialize.ts";
import { validateOptions } from "../../src/fleet/unit/validate.ts";
import { type ApiStage, apiStage, machine } from "./api-stage.ts";

/** A property and how large its part of a run is. */
export interface FuzzTarget {
  readonly name: string;
  /** Of all inputs. */
  readonly share: number;
  /** Throws with a counterexample. */
  run(inputs: number, seed: number | undefined): Promise<void>;
}

/** Bytes of every kind, and texts that look like what is expected but for a little. */
const line = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "[Unit]",
    "[X-Fleet]",
    "[Service]",
    "[",
    "]",
    "\\",
    "#",
    ";",
    "=",
    "A=b \\",
    "\r",
    "\0",
    "﻿",
    "",
  ),
  fc
    .tuple(
      fc.constantFrom(
        "MachineOf",
        "Conflicts",
        "Replaces",
        "Global",
        "MachineID",
        "MachineMetadata",
        "ExecStart",
      ),
      fc.string({ maxLength: 30 }),
    )
    .map(([key, value]) => `${key}=${value}`),
);
const unitText = fc.array(line, { maxLength: 15 }).map((lines) => lines.join("\n"));
const text = fc.string({ unit: "binary", maxLength: 60 });
const unitName = fc.oneof(
  fc.constantFrom(
    "a.service",
    "a@.service",
    "a@1.service",
    "../x.service",
    "%2e%2e",
    "a.bogus",
    "__proto__",
    "a.service\0",
  ),
  text,
);
const option = fc.record(
  {
    section: fc.oneof(fc.constantFrom("Service", "X-Fleet", "Unit"), text),
    name: fc.oneof(fc.constantFrom("ExecStart", "Global", "MachineOf", "Conflicts"), text),
    value: fc.oneof(text, fc.constantFrom("true", "*", "[", "\\", "a\nb=c", "x".repeat(3_000))),
  },
  { requiredKeys: [] },
);
const unitBody = fc.oneof(
  fc.record(
    {
      name: fc.oneof(unitName, fc.jsonValue()),
      desiredState: fc.oneof(fc.constantFrom("inactive", "loaded", "launched", "active", ""), fc.jsonValue()),
      options: fc.oneof(fc.array(option, { maxLength: 5 }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);
const body = fc.oneof(
  unitBody.map((value) => JSON.stringify(value)),
  text,
);
const operation = fc.record(
  {
    op: fc.oneof(fc.constantFrom("add", "remove", "replace"), fc.jsonValue()),
    path: fc.oneof(fc.constantFrom(`/${machine.id}/metadata/k`, "/x/metadata/a.b", "/x/metadata/"), text),
    value: fc.oneof(fc.jsonValue(), fc.record({ value: fc.jsonValue() })),
  },
  { requiredKeys: [] },
);
const patch = fc.oneof(
  fc.array(operation, { maxLength: 4 }).map((value) => JSON.stringify(value)),
  text,
);

/** Runs a synchronous property. */
function pure<T>(
  name: string,
  share: number,
  input: fc.Arbitrary<T>,
  holds: (input: T) => boolean,
): FuzzTarget {
  return {
    name,
    share,
    run: async (inputs, seed) => fc.assert(fc.property(input, holds), settings(inputs, seed)),
  };
}

/** Runs a property against an API of its own. */
function api<T>(
  name: string,
  share: number,
  input: fc.Arbitrary<T>,
  holds: (stage: ApiStage, input: T) => Promise<boolean>,
): FuzzTarget {
  return {
    name,
    share,
    run: async (inputs, seed) => {
      const stage = await apiStage();
      try {
        await fc.assert(
          fc.asyncProperty(input, (each) => holds(stage, each)),
          settings(inputs, seed),
        );
      } finally {
        stage.close();
      }
    },
  };
}

function settings(numRuns: number, seed: number | undefined): { numRuns: number; seed?: number } {
  return seed === undefined ? { numRuns } : { numRuns, seed };
}

async function isWell(stage: ApiStage): Promise<boolean> {
  const lists = await Promise.all(
    ["machines", "units", "state"].map((key) => stage.send("GET", `/fleet/v1/${key}`)),
  );
  return lists.every(({ status }) => status === 200);
}

/** Everything that strangers can send, and what must hold whatever they do. */
export const fuzzTargets: readonly FuzzTarget[] = [
  pure("unit files parse or say why, and read back from their canonical text", 0.3, unitText, (input) => {
    const parsed = parseUnitFile(input);
    if (!parsed.ok) return parsed.problem.line >= 1 && parsed.problem.message !== "";
    if (validateOptions(parsed.options) !== undefined) return true;
    const again = parseUnitFile(serializeUnit(parsed.options));
    return again.ok && hashUnit(again.options) === hashUnit(parsed.options);
  }),
  pure("settings are read or refused with reasons", 0.1, unitText, (input) => {
    try {
      return readFleetConfig(input, {}).config.etcdServers.length > 0;
    } catch (error) {
      return isAppError(error) && error.message !== "";
    }
  }),
  pure(
    "records of the registry are read or passed over",
    0.2,
    fc.tuple(
      fc.constantFrom(
        "units/",
        "machines/",
        "states/",
        "metadata/",
        "schedule/",
        "refusals/",
        "engine/",
        "",
        "future/",
      ),
      text,
      fc.oneof(body, text),
    ),
    ([kind, key, value]) => {
      const change = createDecoder(layoutAt("/p/"), silentLog()).decode(`/p/${kind}${key}`, value, 1n);
      return (
        change === undefined ||
        change.kind !== "unit" ||
        change.value === undefined ||
        change.value.name === key
      );
    },
  ),
  api(
    "a unit that is put is stored whole, or refused and not stored",
    0.2,
    fc.tuple(unitName, body),
    async (stage, [name, sent]) => {
      const path = `/fleet/v1/units/${encodeURIComponent(name)}`;
      const { status } = await stage.send("PUT", path, sent);
      const stored = [...stage.registry.snapshot.units.values()];
      const sound = stored.every(
        ({ options, desired }) => options.length > 0 && ["inactive", "loaded", "launched"].includes(desired),
      );
      const fits = [201, 204].includes(status) ? stored.length === 1 : stored.length === 0;
      const well = await isWell(stage);
      for (const unit of stored)
        await stage.send("DELETE", `/fleet/v1/units/${encodeURIComponent(unit.name)}`);
      return sound && fits && well && status < 500;
    },
  ),
  api("metadata are changed or refused", 0.1, patch, async (stage, sent) => {
    const { status } = await stage.send("PATCH", "/fleet/v1/machines", sent);
    return [204, 400].includes(status) && (await isWell(stage));
  }),
  api(
    "any request gets an answer",
    0.1,
    fc.tuple(
      fc.constantFrom("GET", "PUT", "DELETE", "PATCH", "POST", "OPTIONS"),
      fc.constantFrom("units", "state", "machines", "discovery", ""),
      text,
      text,
    ),
    async (stage, [method, resource, name, query]) => {
      const path = `/fleet/v1/${resource}/${encodeURIComponent(name)}?nextPageToken=${encodeURIComponent(query)}`;
      const { status } = await stage.send(method, path);
      return status < 500;
    },
  ),
];
