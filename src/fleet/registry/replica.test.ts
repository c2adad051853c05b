import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMachine, aState, aUnit } from "../../../test/support/registry-samples.ts";
import type { Snapshot } from "../model.ts";
import { keyOf } from "./memory-store.ts";
import type { Change } from "./replica.ts";
import { createReplica } from "./replica.ts";

const name = fc.constantFrom("a", "b", "c", "d");
const maybe = <T>(value: T): fc.Arbitrary<T | undefined> => fc.constantFrom(value, value, undefined);

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  name.chain((id) => maybe(aMachine(id)).map((value): Change => ({ kind: "machine", id, value }))),
  name.chain((unit) => maybe(aUnit(unit)).map((value): Change => ({ kind: "unit", name: unit, value }))),
  fc.tuple(name, name).chain(([unit, machineID]) =>
    maybe({ unit, machineID, reason: "because" }).map((value): Change => ({
      kind: "placement",
      unit,
      value,
    })),
  ),
  fc.tuple(name, name, name).chain(([unit, machineID, active]) =>
    maybe(aState(unit, machineID, active)).map((value): Change => ({
      kind: "state",
      unit,
      machineID,
      value,
    })),
  ),
  name.chain((unit) =>
    maybe({ unit, reasons: [], summary: "no" }).map((value): Change => ({ kind: "refusal", unit, value })),
  ),
  name.chain((id) => maybe(id).map((value): Change => ({ kind: "leader", value }))),
);

/** What somebody sees who reads everything that is left after `changes`. */
function readAfresh(changes: readonly Change[], revision: bigint): Snapshot {
  const left = new Map<string, Change>();
  for (const change of changes) {
    if (change.value === undefined) left.delete(keyOf(change));
    else left.set(keyOf(change), change);
  }
  const replica = createReplica();
  replica.reset([...left.values()], revision);
  return replica.snapshot;
}

describe("a replica of the registry", () => {
  it("shows after any changes, looked at or not, what a fresh read shows", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(anyChange), fc.boolean())), (bursts) => {
        const replica = createReplica();
        let revision = 1n;
        for (const [changes, looks] of bursts) {
          replica.apply(changes, (revision += 1n));
          if (looks) void replica.snapshot;
        }
        const everything = bursts.flatMap(([changes]) => changes);
        expect(replica.snapshot).toEqual(readAfresh(everything, bursts.length === 0 ? 0n : revision));
      }),
    );
  });

  it("never changes what it has shown", () => {
    fc.assert(
      fc.property(fc.array(anyChange), fc.array(anyChange), (before, after) => {
        const replica = createReplica();
        replica.apply(before, 1n);
        const shown = replica.snapshot;
        replica.apply(after, 2n);
        expect(shown).toEqual(readAfresh(before, 1n));
      }),
    );
  });

  it("shares what has not changed, and shows the same object while nothing happens", () => {
    const replica = createReplica();
    replica.apply([{ kind: "unit", name: "a", value: aUnit("a") }], 1n);
    const before = replica.snapshot;
    expect(replica.snapshot).toBe(before);
    replica.apply([{ kind: "leader", value: "m" }], 2n);
    expect(replica.snapshot).not.toBe(before);
    expect(replica.snapshot.units).toBe(before.units);
  });
});
