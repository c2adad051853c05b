import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMachine, aUnit, FleetWorld } from "../../../test/support/fleet-world.ts";
import { ableToRun } from "./able.ts";
import { explainUnit } from "./explain.ts";
import { obstaclesOf } from "./obstacles.ts";
import { draftOf } from "./schedule.ts";

/** A settled cluster of these machines and units. */
function world(
  machines: Record<string, Record<string, string>>,
  units: Record<string, string[]>,
): FleetWorld {
  const made = new FleetWorld();
  for (const [id, metadata] of Object.entries(machines)) made.machines.set(id, aMachine(id, { metadata }));
  for (const [name, lines] of Object.entries(units)) made.units.set(name, aUnit(name, lines));
  made.settle();
  return made;
}

const verdicts = (made: FleetWorld, unit: string): string[] =>
  explainUnit(made.snapshot(), unit)?.machines.map(({ machineID, verdict }) => `${machineID} ${verdict}`) ??
  [];

describe("explaining a unit", () => {
  it("says why it is where it is, and which other machine could have it", () => {
    const made = world({ m1: {}, m2: {}, m3: { disk: "ssd" } }, { "a.service": [] });
    expect(explainUnit(made.snapshot(), "a.service")).toMatchObject({
      fate: "placed",
      machineID: "m1",
      summary: expect.stringContaining("least loaded"),
    });
    expect(verdicts(made, "a.service")).toEqual(["m1 here", "m2 able", "m3 able"]);
  });

  it("names everything that keeps it off a machine, and what would have to change", () => {
    const made = world(
      { m1: { region: "eu" } },
      { "a@1.service": ["Conflicts=a@*"], "a@2.service": ["Conflicts=a@*", "MachineMetadata=region=us"] },
    );
    made.cordons.set("m1", { machineID: "m1", since: 0 });
    made.settle();
    const explained = explainUnit(made.snapshot(), "a@2.service");
    expect(explained?.fate).toBe("refused");
    expect(explained?.machines[0]?.obstacles).toEqual([
      {
        why: "Machine is cordoned and takes no units",
        change: "'fleetctl uncordon m1' lets it take units again",
      },
      {
        why: "local Machine metadata insufficient",
        change: "its metadata would have to say region=us (it has region=eu)",
      },
    ]);
    made.cordons.clear();
    made.settle();
    expect(explainUnit(made.snapshot(), "a@2.service")?.machines[0]?.obstacles.at(-1)).toEqual({
      why: "found conflict with locally-scheduled Unit([a@1.service])",
      change: "a@1.service would have to leave this machine",
    });
  });

  it("looks at a group as one", () => {
    const made = world(
      { m1: {}, m2: { disk: "ssd" } },
      { "a.service": ["MachineOf=b.service"], "b.service": ["MachineMetadata=disk=ssd"] },
    );
    const explained = explainUnit(made.snapshot(), "a.service");
    expect(explained?.together).toEqual(["a.service", "b.service"]);
    expect(verdicts(made, "a.service")).toEqual(["m1 unable", "m2 here"]);
    expect(explained?.machines[0]?.obstacles[0]?.why).toBe(
      "Unit(b.service): local Machine metadata insufficient",
    );
  });

  it("knows units that wait, that are global, that shall not run, and that are not there", () => {
    const made = world(
      { m1: {}, m2: { disk: "ssd" } },
      { "a.service": [], "g.service": ["Global=true", "MachineMetadata=disk=ssd"] },
    );
    expect(verdicts(made, "g.service")).toEqual(["m1 unable", "m2 here"]);
    expect(explainUnit(made.snapshot(), "g.service")?.fate).toBe("everywhere");
    made.slow.add("m1");
    made.cordons.set("m1", { machineID: "m1", since: 0 });
    made.settle();
    expect(explainUnit(made.snapshot(), "a.service")).toMatchObject({
      fate: "waiting",
      summary: "Machine(m1) has yet to stop it",
    });
    made.units.set("a.service", aUnit("a.service", [], { desired: "inactive" }));
    expect(explainUnit(made.snapshot(), "a.service")?.fate).toBe("unwanted");
    expect(explainUnit(made.snapshot(), "none.service")).toBeUndefined();
  });

  it("says that a machine which is not registered keeps its units until it is believed gone", () => {
    const made = world({ m1: {}, m2: {} }, { "a.service": [] });
    made.vanish("m1");
    expect(explainUnit(made.snapshot(), "a.service")?.summary).toContain("Machine(m1) is not registered now");
  });

  it("judges as the scheduler does", () => {
    const line = fc.constantFrom(
      "Conflicts=b*",
      "Conflicts=a1*",
      "MachineMetadata=k=1",
      "MachineMetadata=k=2",
      "MachineID=m1",
      "MachineOf=b1.service",
      "Replaces=a2.service",
    );
    const lines = fc.array(line, { maxLength: 2 });
    const cluster = fc.record({
      machines: fc.dictionary(fc.constantFrom("m1", "m2", "m3"), fc.constantFrom({ k: "1" }, { k: "2" }, {})),
      units: fc.dictionary(fc.constantFrom("a1.service", "a2.service", "b1.service", "b2.service"), lines),
      cordoned: fc.subarray(["m1", "m2"]),
    });
    fc.assert(
      fc.property(cluster, ({ machines, units, cordoned }) => {
        const made = world(machines, units);
        for (const id of cordoned) made.cordons.set(id, { machineID: id, since: 0 });
        const plan = draftOf({ snapshot: made.snapshot(), gone: new Set() });
        const context = { group: new Set<string>(), precedence: plan.precedence };
        for (const unit of plan.roster.singles.values()) {
          for (const view of plan.board.views.values()) {
            const verdict = ableToRun(unit, view, context);
            const [first] = obstaclesOf(unit, view, context);
            expect(verdict.kind === "unable" ? verdict.why : undefined).toBe(first?.why);
          }
        }
      }),
    );
  });
});
