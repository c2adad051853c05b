import { describe, expect, it } from "vitest";
import { manualClock } from "../foundation/clock.ts";
import type { Behaviour } from "../../test/support/imagined-cluster.ts";
import { memoryStage } from "../../test/support/memory-stage.ts";
import { createRecorder, type HistoryEvent } from "./history/history.ts";
import { memoryJournal, type Injection } from "./faults/journal.ts";
import { textReport } from "./report/text.ts";
import { play } from "./run.ts";
import { scenarioSchema, type Scenario } from "./scenario/scenario.ts";
import { judge, type Verdict } from "./verdict.ts";

const nodeKill = scenarioSchema.parse({
  version: 1,
  name: "node-kill",
  steady: [{ unit: "hello.service" }, { machines: "all" }],
  steps: [
    { inject: "power-cut", victims: "the machine that runs hello.service" },
    { assert: { unit: "hello.service", active: 1, within: "10s" } },
    { heal: "power-cut" },
  ],
  budgets: [{ unit: "hello.service", recoveredWithin: "5s", awayAtMost: "5s", copiesAtMost: 1 }],
});

const powerOutage = scenarioSchema.parse({
  version: 1,
  name: "power-outage",
  steady: [{ unit: "hello.service" }],
  steps: [
    { inject: "power-cut", victims: "all" },
    { heal: "power-cut", victims: ["core-02", "core-03"] },
    { assert: { unit: "hello.service", active: 1, within: "20s" } },
    { heal: "power-cut" },
  ],
  budgets: [{ unit: "hello.service", awayAtMost: "10s" }],
});

interface Played {
  readonly events: readonly HistoryEvent[];
  readonly verdict: Verdict;
  readonly lines: readonly string[];
  /** What the journal says is still broken. */
  readonly unfinished: readonly Injection[];
}

/** Plays against the cluster in memory; time passes as fast as it can. */
async function playIn(
  behaviour: Behaviour,
  scenario: Scenario,
  stopWhen: (event: HistoryEvent) => boolean = () => false,
  hurryWhen: (event: HistoryEvent) => boolean = () => false,
): Promise<Played> {
  const clock = manualClock();
  const [stop, hurry] = [new AbortController(), new AbortController()];
  const journal = memoryJournal();
  const lines: string[] = [];
  const recorder = createRecorder({
    clock,
    append: (line) => lines.push(line),
    observe: (event) => {
      if (stopWhen(event)) stop.abort(new Error("stopped by the user"));
      if (hurryWhen(event)) hurry.abort(new Error("stopped twice"));
    },
  });
  const run = { over: false };
  const finished = play({
    scenario,
    stage: memoryStage(clock, behaviour),
    recorder,
    clock,
    seed: 7,
    sampleEvery: 100,
    journal,
    signal: stop.signal,
    hurry: hurry.signal,
  }).finally(() => {
    run.over = true;
  });
  while (!run.over) await clock.advance(20);
  await finished;
  const unfinished = await journal.unfinished();
  return { events: recorder.events, verdict: judge(recorder.events), lines, unfinished };
}

describe("a scenario", () => {
  it("passes when the unit comes back in time, and says how long it was away", async () => {
    const { verdict } = await playIn({ failoverAfter: 3_000 }, nodeKill);
    expect(verdict).toMatchObject({ outcome: "pass", reasons: [] });
    const [recovery] = verdict.units[0]?.recoveries ?? [];
    expect(recovery).toMatchObject({ from: "core-02", to: "core-01" });
    expect(recovery?.took).toBeGreaterThanOrEqual(3_000);
    expect(recovery?.took).toBeLessThan(3_200);
  });

  it("passes a power outage in which only some machines come back", async () => {
    const { verdict, events } = await playIn({}, powerOutage);
    expect(verdict).toMatchObject({ outcome: "pass" });
    const proofs = events.flatMap((event) => (event.kind === "fault" ? event.evidence : []));
    expect(proofs).toContain(
      "core-01, core-02, core-03: its processes are gone and nothing answers at its address",
    );
  });

  it("passes without speaking of any unit", async () => {
    const steps = [{ inject: "power-cut", victims: "core-01" }, { heal: "power-cut" }];
    const scenario = { version: 1, name: "unitless", steady: [{ machines: "all" }], steps };
    const { verdict } = await playIn({}, scenarioSchema.parse(scenario));
    expect(verdict).toMatchObject({ outcome: "pass", reasons: [] });
  });

  it("fails when the unit comes back later than the budget allows", async () => {
    const { verdict } = await playIn({ failoverAfter: 7_000 }, nodeKill);
    expect(verdict.outcome).toBe("fail");
    expect(verdict.reasons.join()).toMatch(/needed 7\.\d s to come back \(allowed: 5\.0 s\)/);
  });

  it("fails when the unit never comes back", async () => {
    const { verdict } = await playIn({ failoverAfter: undefined }, nodeKill);
    expect(verdict.outcome).toBe("fail");
    expect(verdict.reasons.join()).toContain("never came back");
  });

  it("fails when two copies run at once", async () => {
    const { verdict } = await playIn({ secondCopy: true }, nodeKill);
    expect(verdict.outcome).toBe("fail");
    expect(verdict.reasons.join()).toContain("ran 2 times at once");
  });

  it("is inconclusive, never passed, when the fault does nothing", async () => {
    for (const scenario of [nodeKill, powerOutage]) {
      const { verdict } = await playIn({ toothless: true }, scenario);
      expect(verdict.outcome).toBe("inconclusive");
      expect(verdict.reasons.join()).toContain("did not bite");
    }
  });

  it("is inconclusive when the cluster was broken before the first fault, and breaks nothing then", async () => {
    const { verdict, events } = await playIn({ runsAtFirst: false }, nodeKill);
    expect(verdict.outcome).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("not steady before the first fault");
    expect(events.some((event) => event.kind === "fault")).toBe(false);
  });

  it("heals everything and is inconclusive when it is stopped while a fault is active", async () => {
    const { verdict, events } = await playIn(
      { failoverAfter: undefined },
      nodeKill,
      (event) => event.kind === "fault" && event.action === "active",
    );
    expect(verdict.outcome).toBe("inconclusive");
    const actions = events.flatMap((event) => (event.kind === "fault" ? [event.action] : []));
    expect(actions).toEqual(["inject", "active", "heal", "healed"]);
  });

  it("waits for nothing any more when it is stopped a second time, and leaves it in the journal", async () => {
    const { verdict, events, unfinished } = await playIn(
      { bootsIn: 60_000 },
      nodeKill,
      (event) => event.kind === "fault" && event.action === "active",
      (event) => event.kind === "fault" && event.action === "heal",
    );
    expect(verdict.outcome).toBe("inconclusive");
    const faults = events.flatMap((event) => (event.kind === "fault" ? [event] : []));
    expect(faults.map(({ action }) => action)).toEqual(["inject", "active", "heal", "healed"]);
    expect(faults.at(-1)?.evidence).toContain("in a hurry");
    expect((faults.at(-1)?.at ?? 0) - (faults.at(-2)?.at ?? 0)).toBeLessThan(1_500);
    expect(unfinished.map(({ victims }) => victims)).toEqual([["core-02"]]);
  });

  it("is inconclusive at once when no machine runs, and says so", async () => {
    const { verdict, events } = await playIn({ isDown: true, runsAtFirst: false }, nodeKill);
    expect(verdict.outcome).toBe("inconclusive");
    expect(verdict.reasons).toContain("no machine of the cluster runs: 'cluster up' starts them");
    expect(events.at(-1)?.at).toBeLessThan(1_000);
  });

  it("writes a history from which the same verdict is computed again", async () => {
    const { lines, verdict } = await playIn({}, nodeKill);
    const again = lines.map((line) => JSON.parse(line) as HistoryEvent);
    expect(judge(again)).toEqual(verdict);
    expect(textReport(again, verdict).join("\n")).toContain("PASS");
  });

  it("is inconclusive when the history breaks off", async () => {
    const { events } = await playIn({}, nodeKill);
    expect(judge(events.slice(0, -1)).outcome).toBe("inconclusive");
  });
});
