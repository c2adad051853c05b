import { describe, expect, it } from "vitest";
import { imaginedHistory, type ImaginedHistory } from "../../test/support/imagined-history.ts";
import { exitCodeOf, finishedRun } from "./report/finished.ts";
import { judge } from "./verdict.ts";

const unit = "a.service";

/** The unit's machine dies at second 2, and the unit is active elsewhere at second 5. */
const failover = (): ImaginedHistory =>
  imaginedHistory(
    [unit],
    [{ unit, recoveredWithin: 4_000, awayAtMost: 4_000, copiesAtMost: 1, startsAtMost: 1 }],
  )
    .sample(0, "core-02", unit, "active", "one")
    .fault(2, "inject", "power-cut", "off", "core-02")
    .fault(2.5, "active", "power-cut", "off", "core-02")
    .at(2.5, { kind: "sight", node: "core-02", seen: false })
    .sample(5, "core-03", unit, "active", "two")
    .fault(8, "healed", "power-cut", "off", "core-02")
    .at(8, { kind: "sight", node: "core-02", seen: true })
    .sample(8, "core-02", unit, "inactive", "");

const outcomeOf = (history: ImaginedHistory): string => judge(history.end(12)).outcome;

describe("the verdict", () => {
  it("is pass when the unit is back in time", () => {
    expect(judge(failover().end(12))).toMatchObject({ outcome: "pass", reasons: [] });
  });

  it("is inconclusive when a machine was out of sight without a reason", () => {
    const blind = failover()
      .at(3, { kind: "sight", node: "core-01", seen: false })
      .at(6, { kind: "sight", node: "core-01", seen: true });
    expect(judge(blind.end(12)).reasons.join()).toContain("core-01 was out of sight for 3.0 s");
    expect(outcomeOf(blind)).toBe("inconclusive");
  });

  it("does not mind what was out of sight before the first step", () => {
    const late = failover()
      .at(-5, { kind: "sight", node: "core-01", seen: false })
      .at(0.9, { kind: "sight", node: "core-01", seen: true });
    expect(judge(late.end(12)).reasons).toEqual([]);
  });

  it("lets slow machines be out of sight for longer", () => {
    const blind = failover()
      .at(3, { kind: "sight", node: "core-01", seen: false })
      .at(6, { kind: "sight", node: "core-01", seen: true });
    const events = blind.end(12).map((event) => (event.kind === "begin" ? { ...event, patience: 5 } : event));
    expect(judge(events).reasons).toEqual([]);
  });

  it("is inconclusive when something kept the run from being played, or it was stopped", () => {
    expect(outcomeOf(failover().at(9, { kind: "trouble", text: "no such machine" }))).toBe("inconclusive");
    expect(judge(failover().end(12, false)).outcome).toBe("inconclusive");
  });

  it("is inconclusive when no fault was ever active", () => {
    expect(outcomeOf(imaginedHistory([unit]).sample(0, "core-02", unit, "active"))).toBe("inconclusive");
  });

  it("is fail when a probe did not come true in its time", () => {
    const late = { kind: "probe", text: `${unit} is active`, ok: false, detail: "nowhere" } as const;
    expect(outcomeOf(failover().at(9, { ...late, phase: "during" }))).toBe("fail");
    expect(outcomeOf(failover().at(0.5, { ...late, phase: "before" }))).toBe("inconclusive");
  });

  it("is fail when something that must always hold did not", () => {
    const copy = failover().sample(9, "core-01", unit, "active", "copy");
    expect(judge(copy.end(12)).reasons.join()).toContain("on core-03 and core-01 at once");
  });

  it("is fail when a fault could not be healed", () => {
    const stuck = failover().fault(9, "stuck", "power-cut", "off", "core-02");
    expect(outcomeOf(stuck)).toBe("fail");
  });

  it("is fail when the unit started more often than the budget allows", () => {
    const twice = failover()
      .sample(9, "core-03", unit, "inactive", "")
      .sample(9.5, "core-03", unit, "active", "three");
    expect(judge(twice.end(12)).reasons.join()).toContain("was started 2 times (allowed: 1)");
  });

  it("is pass, fail or inconclusive for the exit code of several runs", () => {
    const pass = finishedRun(failover().end(12));
    const unsure = finishedRun(failover().end(12, false));
    const fail = finishedRun(failover().fault(9, "stuck", "power-cut", "off", "core-02").end(12));
    expect([[pass], [pass, unsure], [pass, unsure, fail]].map(exitCodeOf)).toEqual([0, 8, 1]);
  });
});
