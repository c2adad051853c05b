import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMachine } from "../../../test/support/fleet-world.ts";
import { type Belief, blankBelief, type Conclusion, observe, type Patience } from "./belief.ts";

const patience: Patience = { ttl: 4_000, outageGrace: 10_000, returnGrace: 0 };

interface Look {
  readonly at: number;
  readonly machines: readonly string[];
  readonly leaving?: readonly string[];
  /** Defaults to everybody who was ever seen. */
  readonly named?: readonly string[];
  /** Defaults to long ago. */
  readonly unbrokenSince?: number;
}

/** Looks several times and gives what was concluded each time: who is gone, and until when it holds. */
function looks(...all: readonly Look[]): Pick<Conclusion, "lookAgainAt" | "gone">[] {
  return looksWith(patience, all);
}

function looksWith(patience: Patience, all: readonly Look[]): Pick<Conclusion, "lookAgainAt" | "gone">[] {
  let belief: Belief = blankBelief;
  const everybody = [...new Set(all.flatMap(({ machines }) => machines))];
  return all.map(({ at, machines, leaving = [], named = everybody, unbrokenSince = -1e6 }) => {
    const there = machines.map((id) => aMachine(id, { leaving: leaving.includes(id) }));
    const sight = {
      now: at,
      machines: new Map(there.map((machine) => [machine.id, machine])),
      named: new Set(named),
      unbrokenSince,
    };
    const { belief: next, gone, lookAgainAt } = observe(belief, sight, patience);
    belief = next;
    return { gone, lookAgainAt };
  });
}

const goneAtLast = (...all: readonly Look[]): string[] => [...(looks(...all).at(-1)?.gone ?? [])];

describe("observe", () => {
  it("believes that a machine is gone when the engine's own lease was unbroken", () => {
    const all: Look[] = [
      { at: 0, machines: ["a", "b", "c"] },
      { at: 9_000, machines: ["a", "b"] },
    ];
    expect(goneAtLast(...all)).toEqual(["c"]);
    expect(looks(...all).at(-1)?.lookAgainAt).toBeUndefined();
  });

  it("gives a machine that was seen to vanish a moment to come back, and others none", () => {
    const seen: Look[] = [
      { at: 0, machines: ["a", "b", "c"], named: [] },
      { at: 9_000, machines: ["a", "b"], named: ["c", "d"] },
      { at: 9_199, machines: ["a", "b"], named: ["c", "d"] },
      { at: 9_200, machines: ["a", "b"], named: ["c", "d"] },
    ];
    expect(looksWith({ ...patience, returnGrace: 200 }, seen)).toEqual([
      { gone: new Set(), lookAgainAt: undefined },
      { gone: new Set(["d"]), lookAgainAt: 9_200 },
      { gone: new Set(["d"]), lookAgainAt: 9_200 },
      { gone: new Set(["c", "d"]), lookAgainAt: undefined },
    ]);
  });

  it("waits one time to live after trouble of its own", () => {
    const before = { at: 0, machines: ["a", "b", "c"] };
    const after = { machines: ["a", "b"], unbrokenSince: 8_000 };
    expect(looks(before, { at: 9_000, ...after }).at(-1)).toEqual({ gone: new Set(), lookAgainAt: 12_000 });
    expect(goneAtLast(before, { at: 9_000, ...after }, { at: 11_999, ...after })).toEqual([]);
    expect(goneAtLast(before, { at: 9_000, ...after }, { at: 12_000, ...after })).toEqual(["c"]);
  });

  it("knows machines of which only placements are left, and gives them one time to live", () => {
    const outage = { machines: ["b", "c"], named: ["a", "b"], unbrokenSince: 100 };
    expect(goneAtLast({ at: 200, ...outage })).toEqual([]);
    expect(goneAtLast({ at: 200, ...outage }, { at: 4_100, ...outage })).toEqual(["a"]);
  });

  it("does not move anything after etcd stood still and everybody comes back", () => {
    const all: Look[] = [
      { at: 0, machines: ["a", "b", "c"] },
      { at: 30_000, machines: ["a"], unbrokenSince: 30_000 },
      { at: 30_500, machines: ["a", "b"], unbrokenSince: 30_000 },
      { at: 31_000, machines: ["a", "b", "c"], unbrokenSince: 30_000 },
      { at: 60_000, machines: ["a", "b", "c"], unbrokenSince: 30_000 },
    ];
    expect(looks(...all).map(({ gone }) => [...gone])).toEqual([[], [], [], [], []]);
  });

  describe("when more than half vanish within one time to live", () => {
    const before: Look = { at: 0, machines: ["a", "b", "c"] };
    const alone = { machines: ["a"] };

    it("holds for the grace, then acts", () => {
      expect(looks(before, { at: 1_000, ...alone }).at(-1)).toEqual({ gone: new Set(), lookAgainAt: 11_000 });
      expect(goneAtLast(before, { at: 1_000, ...alone }, { at: 10_999, ...alone })).toEqual([]);
      const acted: Look[] = [before, { at: 1_000, ...alone }, { at: 11_000, ...alone }];
      expect(goneAtLast(...acted)).toEqual(["b", "c"]);
      expect(goneAtLast(...acted, { at: 11_001, ...alone })).toEqual(["b", "c"]);
    });

    it("counts those that go one after the other", () => {
      const six = ["a", "b", "c", "d", "e", "f"];
      const all: Look[] = [
        { at: 0, machines: six },
        { at: 1_000, machines: ["a", "b", "c"] },
        { at: 3_000, machines: ["a", "b"] },
      ];
      expect(looks(...all).map(({ gone }) => [...gone])).toEqual([[], ["d", "e", "f"], []]);
      expect(looks(...all).at(-1)?.lookAgainAt).toBe(13_000);
    });

    it("does not count those that went earlier", () => {
      const all: Look[] = [
        { at: 0, machines: ["a", "b", "c"] },
        { at: 1_000, machines: ["a", "b"] },
        { at: 5_000, machines: ["a"] },
      ];
      expect(goneAtLast(...all)).toEqual(["b", "c"]);
    });

    it("does not count those that said that they leave", () => {
      const leaving: Look = { at: 1, machines: ["a", "b", "c"], leaving: ["b", "c"] };
      expect(goneAtLast(before, leaving, { at: 1_000, ...alone })).toEqual(["b", "c"]);
    });

    it("ends the hold when they are back, and sees a single loss as before", () => {
      const all: Look[] = [
        before,
        { at: 1_000, ...alone },
        { at: 2_000, machines: ["a", "b", "c"] },
        { at: 9_000, machines: ["a", "b"] },
      ];
      expect(looks(...all).map(({ gone }) => [...gone])).toEqual([[], [], [], ["c"]]);
    });

    it("acts at the end of the hold for the one that did not come back", () => {
      const two = { machines: ["a", "b"] };
      const all: Look[] = [before, { at: 1_000, ...alone }, { at: 2_000, ...two }, { at: 11_000, ...two }];
      expect(looks(...all).map(({ gone }) => [...gone])).toEqual([[], [], [], ["c"]]);
    });
  });

  it("acts at once when exactly half vanish", () => {
    expect(goneAtLast({ at: 0, machines: ["a", "b"] }, { at: 9_000, machines: ["a"] })).toEqual(["b"]);
  });

  it("never takes a registered machine for gone, nor anybody within one time to live of its own trouble", () => {
    const ids = ["a", "b", "c", "d"];
    const look = fc.record({
      wait: fc.nat(6_000),
      machines: fc.subarray(ids),
      broken: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(look), (history) => {
        let [now, unbrokenSince] = [0, 0];
        const all = history.map(({ wait, machines, broken }): Look => {
          now += wait;
          if (broken) unbrokenSince = now;
          return { at: now, machines, named: ids, unbrokenSince };
        });
        for (const [index, { gone, lookAgainAt }] of looks(...all).entries()) {
          const { at = 0, machines = [], unbrokenSince: since = 0 } = all[index] ?? {};
          expect(machines.filter((id) => gone.has(id))).toEqual([]);
          expect(gone.size > 0 && at < since + patience.ttl).toBe(false);
          expect(lookAgainAt ?? Infinity).toBeGreaterThan(at);
        }
      }),
    );
  });
});
