import { describe, expect, it } from "vitest";
import { imaginedHistory, type ImaginedHistory } from "../../../test/support/imagined-history.ts";
import type { HistoryEvent } from "./history.ts";
import { recoverySpreads } from "../report/spread.ts";
import { finishedRun } from "../report/finished.ts";
import { textReport } from "../report/text.ts";
import { judge, type UnitReport } from "../verdict.ts";

const unit = "a.service";
const on = (second: number, node: string, invocation: string, history: ImaginedHistory): ImaginedHistory =>
  history.sample(second, node, unit, "active", invocation);
const off = (second: number, node: string, history: ImaginedHistory): ImaginedHistory =>
  history.sample(second, node, unit, "inactive", "");

/** core-02 runs the unit, is cut off at second 2 and heard again at second 10; core-03 has a copy from second 7 on. */
const cutOff = (recoveredWithin = 9_000): HistoryEvent[] =>
  off(
    11,
    "core-02",
    on(
      7,
      "core-03",
      "two",
      on(0, "core-02", "one", imaginedHistory([unit], [{ unit, recoveredWithin, awayAtMost: 0 }])),
    ),
  )
    .fault(2, "inject", "partition", "network", "core-02")
    .fault(2.1, "active", "partition", "network", "core-02")
    .fault(10, "healed", "partition", "network", "core-02")
    .end(14);

/** core-02 runs the unit and stands still from second 2 to 10; core-03 has a copy from second 6 on. */
const frozen = (): HistoryEvent[] =>
  off(
    10.5,
    "core-02",
    on(6, "core-03", "two", on(0, "core-02", "one", imaginedHistory([unit], [{ unit, awayAtMost: 3_000 }]))),
  )
    .fault(2, "inject", "freeze", "frozen", "core-02")
    .fault(2.1, "active", "freeze", "frozen", "core-02")
    .fault(10, "healed", "freeze", "frozen", "core-02")
    .end(14);

/** core-02 is shut down from second 2 on, and the unit there ends at second 3; core-03 runs it from 3.5 on. */
const halted = (): HistoryEvent[] =>
  on(3.5, "core-03", "two", off(3, "core-02", on(0, "core-02", "one", imaginedHistory([unit]))))
    .fault(2, "inject", "halt", "off", "core-02")
    .fault(4, "active", "halt", "off", "core-02")
    .fault(8, "healed", "halt", "off", "core-02")
    .end(14);

const reportOf = (events: readonly HistoryEvent[]): UnitReport | undefined => judge(events).units[0];
const textOf = (events: readonly HistoryEvent[]): string => textReport(events, judge(events)).join("\n");

describe("a unit whose machine is cut off, and runs it on", () => {
  it("was never away: a second copy ran, and both for a while", () => {
    expect(reportOf(cutOff())?.away).toEqual([]);
    expect(reportOf(cutOff())?.recoveries).toEqual([
      expect.objectContaining({ kind: "second-copy", from: "core-02", to: "core-03", took: 5_000, away: 0 }),
    ]);
    expect(judge(cutOff()).outcome).toBe("pass");
    const told = "a second copy after 5.0 s: partition on core-02, also active on core-03; both for 4.0 s";
    expect(textOf(cutOff())).toContain(told);
    expect(textOf(cutOff())).not.toMatch(/away \d/);
  });

  it("fails the budget for coming back when the second copy was late", () => {
    expect(judge(cutOff(4_000)).reasons).toEqual([
      `${unit} needed 5.0 s until a second copy ran, out of reach of the first (allowed: 4.0 s)`,
    ]);
  });

  it("has its times apart from those of units that were away", () => {
    const spreads = recoverySpreads([finishedRun(cutOff()), finishedRun(frozen()), finishedRun(cutOff())]);
    expect(spreads.map(({ kind, spread }) => [kind, spread.runs])).toEqual([
      ["second-copy", 2],
      ["away", 1],
    ]);
  });
});

describe("a unit whose machine stands still", () => {
  it("is away from then on, though systemd there calls it active when the machine goes on", () => {
    expect(reportOf(frozen())?.away).toEqual([{ from: 2_000, to: 6_000 }]);
    expect(reportOf(frozen())?.recoveries[0]).toMatchObject({ kind: "away", took: 4_000, away: 4_000 });
    expect(judge(frozen()).reasons).toEqual([`${unit} was away for 4.0 s (allowed: 3.0 s)`]);
    expect(textOf(frozen())).toContain("away 4.0 s: freeze on core-02, active again on core-03");
  });
});

describe("a unit whose machine takes its time to end", () => {
  it("is away from its own end on, and both times are told", () => {
    expect(reportOf(halted())?.recoveries[0]).toMatchObject({ kind: "away", took: 1_500, away: 500 });
    expect(textOf(halted())).toContain(
      "away 500 ms: halt on core-02, active again on core-03 1.5 s after it",
    );
  });
});

describe("a unit that dies with its machine soon after another fault of that machine is healed", () => {
  const again = (): ImaginedHistory =>
    on(12, "core-03", "two", off(8, "core-02", on(0, "core-02", "one", imaginedHistory([unit]))))
      .fault(8, "inject", "power-cut", "off", "core-02")
      .fault(8.1, "active", "power-cut", "off", "core-02");

  it("was taken away by the later fault only", () => {
    const events = again()
      .fault(2, "inject", "process-kill of etcd", "process", "core-02")
      .fault(2.1, "active", "process-kill of etcd", "process", "core-02")
      .fault(6, "healed", "process-kill of etcd", "process", "core-02")
      .end(14);
    expect(reportOf(events)?.recoveries).toEqual([
      expect.objectContaining({ fault: "power-cut", took: 4_000, away: 4_000 }),
    ]);
  });

  it("was taken away by both while the first one lasts", () => {
    const events = again()
      .fault(2, "inject", "partition", "network", "core-02")
      .fault(2.1, "active", "partition", "network", "core-02")
      .end(14);
    expect(
      reportOf(events)
        ?.recoveries.map(({ fault }) => fault)
        .toSorted(),
    ).toEqual(["partition", "power-cut"]);
  });
});

describe("what is told of a heal", () => {
  it("is the power's return only where there was none", () => {
    const healed = imaginedHistory([unit])
      .fault(2, "heal", "partition (in)", "network", "core-02")
      .fault(3, "heal", "power-cut", "off", "core-01", "core-03");
    const text = textOf(healed.end(4));
    expect(text).toContain("+ partition (in) on core-02 ends");
    expect(text).toContain("+ power back for core-01, core-03");
    expect(text.match(/power back/g)).toHaveLength(1);
  });
});
