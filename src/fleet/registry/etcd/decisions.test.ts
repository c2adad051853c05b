import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Decision } from "../registry.ts";
import { chunksOf } from "./decisions.ts";

const unit = fc.integer({ min: 0, max: 150 }).map((index) => `u${index}.service`);
const decision: fc.Arbitrary<Decision> = fc.oneof(
  unit.map((name): Decision => ({ kind: "place", placement: { unit: name, machineID: "m", reason: "r" } })),
  unit.map((name): Decision => ({ kind: "release", unit: name, from: "m", reason: "r" })),
  unit.map((name): Decision => ({ kind: "refuse", refusal: { unit: name, reasons: [], summary: "s" } })),
  unit.map((name): Decision => ({ kind: "forgive", unit: name })),
);
const recordOf = (one: Decision): string => {
  const placing = one.kind === "place" || one.kind === "release";
  const name =
    one.kind === "place" ? one.placement.unit : one.kind === "refuse" ? one.refusal.unit : one.unit;
  return `${placing} ${name}`;
};

it("cuts decisions into transactions, in order, that write no record twice and that etcd takes", () => {
  fc.assert(
    fc.property(fc.array(decision, { maxLength: 500 }), (decisions) => {
      const chunks = chunksOf(decisions);
      expect(chunks.flat()).toEqual(decisions);
      for (const chunk of chunks) {
        expect(chunk.length).toBeLessThanOrEqual(100);
        expect(new Set(chunk.map(recordOf)).size).toBe(chunk.length);
      }
    }),
  );
});
