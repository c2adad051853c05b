import { describe, expect, it } from "vitest";
import { aMachine, aUnit } from "../../../../test/support/registry-samples.ts";
import { silentLog } from "../../../foundation/log.ts";
import { createDecoder, encode } from "./codec.ts";
import { layoutAt } from "./layout.ts";

const layout = layoutAt("/x/");
const decode = (key: string, value: string): unknown =>
  createDecoder(layout, silentLog()).decode(key, value, 7n)?.value;

describe("records that another version of fleet has written", () => {
  it("reads a machine whose fleetd knows no version of engines: the engine counts as the oldest", () => {
    const { id, engine: _, ...earlier } = aMachine("a");
    const text = JSON.stringify({ id, ...earlier });
    expect(decode(layout.machine(id), text)).toEqual({ id, ...earlier, engine: 0, joined: 7 });
  });

  it("reads a leader's record with and without the engine's version", () => {
    expect(decode(layout.leader, '{"machineID":"a","campaign":"1"}')).toBe("a");
    expect(decode(layout.leader, '{"machineID":"a","engine":3,"campaign":"1"}')).toBe("a");
  });

  it("passes over fields that a later one adds", () => {
    const unit = aUnit("a.service");
    const later = JSON.stringify({ ...(JSON.parse(encode(unit)) as object), weight: 3 });
    expect(decode(layout.unit(unit.name), later)).toEqual(unit);
  });
});
