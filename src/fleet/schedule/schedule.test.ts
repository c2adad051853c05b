import { describe, expect, it } from "vitest";
import { aMachine, aSnapshot, aUnit } from "../../../test/support/fleet-world.ts";
import { schedule } from "./schedule.ts";

describe("schedule", () => {
  const machines = new Map(["m1", "m2"].map((id) => [id, aMachine(id)]));

  it("has nothing to do for nothing", () => {
    expect(schedule({ snapshot: aSnapshot({ machines }), gone: new Set() })).toEqual({
      decisions: [],
      waiting: [],
    });
  });

  it("says that there is no machine", () => {
    const units = new Map([["a.service", aUnit("a.service")]]);
    const { decisions } = schedule({ snapshot: aSnapshot({ units }), gone: new Set() });
    const refusal = { unit: "a.service", reasons: [], summary: "there is no machine in the cluster" };
    expect(decisions).toEqual([{ kind: "refuse", refusal }]);
  });

  it("keeps a refusal small however many machines there are, with each reason in it", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `m${String(index).padStart(3, "0")}`);
    const cordoned = { machineID: "m777", since: 0 };
    const units = new Map([["a.service", aUnit("a.service", ["MachineMetadata=disk=ssd"])]]);
    const { decisions } = schedule({
      snapshot: aSnapshot({
        machines: new Map(many.map((id) => [id, aMachine(id)])),
        cordons: new Map([["m777", cordoned]]),
        units,
      }),
      gone: new Set(),
    });
    const [decision] = decisions;
    const refusal = decision?.kind === "refuse" ? decision.refusal : undefined;
    expect(refusal?.reasons).toHaveLength(20);
    expect(refusal?.unlisted).toBe(980);
    expect(refusal?.reasons.at(-1)).toEqual({
      machineID: "m777",
      why: "Machine is cordoned and takes no units",
    });
    expect(JSON.stringify(decisions).length).toBeLessThan(3_000);
  });

  it("places a unit that shall only be loaded, too", () => {
    const units = new Map([["a.service", aUnit("a.service", [], { desired: "loaded" })]]);
    const { decisions } = schedule({ snapshot: aSnapshot({ machines, units }), gone: new Set() });
    expect(decisions).toMatchObject([{ kind: "place", placement: { machineID: "m1" } }]);
  });

  it("prefers, of equally loaded machines, the one that has been there longest", () => {
    const restarted = { ...aMachine("m1"), joined: 70 };
    const steady = { ...aMachine("m2"), joined: 50 };
    const units = new Map([["a.service", aUnit("a.service")]]);
    const { decisions } = schedule({
      snapshot: aSnapshot({
        machines: new Map([
          ["m1", restarted],
          ["m2", steady],
        ]),
        units,
      }),
      gone: new Set(),
    });
    expect(decisions).toMatchObject([{ kind: "place", placement: { machineID: "m2" } }]);
  });

  it("ends the placement of a unit that does not exist", () => {
    const placements = new Map([["a.service", { unit: "a.service", machineID: "m1", reason: "" }]]);
    const { decisions } = schedule({ snapshot: aSnapshot({ machines, placements }), gone: new Set() });
    expect(decisions).toEqual([
      { kind: "release", unit: "a.service", from: "m1", reason: "unit does not exist" },
    ]);
  });

  it("waits while a machine that is in doubt may have the peer", () => {
    const units = new Map([
      ["a.service", aUnit("a.service")],
      ["b.service", aUnit("b.service", ["MachineOf=a.service"])],
    ]);
    const placements = new Map([["a.service", { unit: "a.service", machineID: "lost", reason: "" }]]);
    const { decisions, waiting } = schedule({
      snapshot: aSnapshot({ machines, units, placements }),
      gone: new Set(),
    });
    expect(decisions).toEqual([]);
    expect(waiting).toMatchObject([{ unit: "b.service" }]);
  });

  it("spreads 10,000 units evenly over 1,000 machines", () => {
    const many = new Map(Array.from({ length: 1_000 }, (_, i) => [`m${i}`, aMachine(`m${i}`)]));
    const units = new Map(
      Array.from({ length: 10_000 }, (_, i) => [`u${i}.service`, aUnit(`u${i}.service`)]),
    );
    const { decisions } = schedule({ snapshot: aSnapshot({ machines: many, units }), gone: new Set() });
    const places = decisions.flatMap((each) => (each.kind === "place" ? [each.placement.machineID] : []));
    const counts = [...Map.groupBy(places, (id) => id).values()].map((units) => units.length);
    expect(counts).toEqual(Array.from({ length: 1_000 }, () => 10));
  });
});
