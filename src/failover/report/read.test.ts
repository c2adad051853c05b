import { describe, expect, it } from "vitest";
import { recordedHistory, recordedRun } from "../../../test/support/recorded-history.ts";
import { exitCodeOf } from "./finished.ts";
import { jsonReport } from "./json.ts";
import { readRuns, saidOutcomes } from "./read.ts";

const reading =
  (text: string): (() => unknown) =>
  () =>
    readRuns(text, "r.json");
const invalid = expect.objectContaining({ code: "E_HISTORY_INVALID" });

describe("a recorded run", () => {
  it("is judged anew from its history", () => {
    for (const scenario of ["node-kill", "power-outage"]) {
      const { verdict } = recordedRun(scenario);
      expect(verdict).toMatchObject({ outcome: "pass", reasons: [] });
      expect(verdict.invariants.map(({ outcome }) => outcome)).toEqual(Array(7).fill("pass"));
    }
  });

  it("is split into stages that add up to the whole recovery", () => {
    const [recovery] = recordedRun("node-kill").verdict.units[0]?.recoveries ?? [];
    const stages = recovery?.stages ?? [];
    expect(stages.map(({ name }) => name)).toEqual(["detect", "decide", "dispatch", "start", "ready"]);
    const untilStart = stages.slice(0, 4).reduce((sum, { took = 0 }) => sum + took, 0);
    expect(untilStart).toBe(recovery?.took);
  });

  it("is judged by its history also when it comes in a JSON report that says otherwise", () => {
    const report = jsonReport([recordedRun("node-kill")]);
    const forged = JSON.stringify({
      ...report,
      runs: report.runs.map((run) => ({ ...run, outcome: "fail" })),
    });
    expect(saidOutcomes(forged)).toEqual(["fail"]);
    const runs = readRuns(forged, "r.json");
    expect(runs[0]?.verdict.outcome).toBe("pass");
    expect(exitCodeOf(runs)).toBe(0);
  });

  it("fails when a line is changed so that a second copy runs", () => {
    const lines = recordedHistory("node-kill").trimEnd().split("\n");
    const copy = {
      at: 12_000,
      kind: "sample",
      node: "core-03",
      unit: "hello.service",
      active: "active",
      sub: "running",
      invocation: "other",
    };
    const text = `${[...lines.slice(0, -1), JSON.stringify(copy), lines.at(-1)].join("\n")}\n`;
    expect(readRuns(text, "h")[0]?.verdict.outcome).toBe("fail");
  });
});

describe("a report cut short", () => {
  const history = recordedHistory("node-kill");

  it("is refused, naming the line in which it breaks off", () => {
    expect(reading(history.slice(0, 900))).toThrow(invalid);
    expect(reading(history.slice(0, -3))).toThrow(
      expect.objectContaining({ details: [expect.stringMatching(/breaks off in line \d+/)] }),
    );
    const json = JSON.stringify(jsonReport([recordedRun("node-kill")]));
    expect(reading(json.slice(0, -100))).toThrow(
      expect.objectContaining({ details: ["it is a JSON report that breaks off"] }),
    );
  });

  it("is inconclusive when whole lines are missing at its end", () => {
    const shorter = `${history.trimEnd().split("\n").slice(0, -1).join("\n")}\n`;
    expect(readRuns(shorter, "h")[0]?.verdict.outcome).toBe("inconclusive");
  });

  it("is refused when it is something else altogether, or of another version", () => {
    for (const text of ["", "hello\n", "{}\n", '{"runs":[{"history":[]}]}']) {
      expect(reading(text)).toThrow(invalid);
    }
    expect(reading(history.replace('"v":2', '"v":7'))).toThrow(/version 7/);
  });
});
