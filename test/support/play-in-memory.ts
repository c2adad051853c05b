import { manualClock, type ManualClock } from "../../src/foundation/clock.ts";
import { createRecorder, type HistoryEvent } from "../../src/failover/history/history.ts";
import { finishedRun, type FinishedRun } from "../../src/failover/report/finished.ts";
import { play } from "../../src/failover/run.ts";
import { scenarioSchema } from "../../src/failover/scenario/scenario.ts";
import type { Stage } from "../../src/failover/stage/stage.ts";

/** Plays a scenario on a stage in memory; time passes as fast as it can. */
export async function playInMemory(
  scenario: unknown,
  stageIn: (clock: ManualClock) => Stage,
): Promise<FinishedRun> {
  const clock = manualClock();
  const events: HistoryEvent[] = [];
  const stage = stageIn(clock);
  const recorder = createRecorder({
    clock,
    append: () => undefined,
    observe: (event) => events.push(event),
  });
  const run = { over: false };
  const finished = play({
    scenario: scenarioSchema.parse(scenario),
    stage,
    recorder,
    clock,
    seed: 7,
    sampleEvery: 20,
    signal: new AbortController().signal,
  }).finally(() => {
    run.over = true;
  });
  while (!run.over) {
    await clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await finished;
  await stage.close();
  return finishedRun(events);
}
