import { describe, expect, it } from "vitest";
import { memoryWorld } from "../../test/support/memory-world.ts";
import { manualClock, type Clock } from "../foundation/clock.ts";
import { up } from "./up.ts";

/** Lets a minute pass in a few milliseconds whenever somebody waits for one. */
function hastyClock(): Clock {
  const manual = manualClock();
  return {
    now: () => manual.now(),
    monotonic: () => manual.monotonic(),
    sleep: async (ms, signal) => {
      const slept = manual.sleep(ms, signal);
      slept.catch(() => undefined);
      setTimeout(() => void manual.advance(ms), ms >= 60_000 ? 150 : 1);
      await slept;
    },
  };
}

describe("a node that does not become ready", () => {
  it("is named with its silent layer, the reason and its last words", async () => {
    await using memory = await memoryWorld();
    memory.broken.add("core-02 docker");
    const world = { ...memory.world, clock: hastyClock() };
    const { dir, spec } = memory;
    const waiting = up(world, { dir, spec, nodes: [], provision: false, dryRun: false });
    await expect(waiting).rejects.toMatchObject({
      code: "E_TIMEOUT",
      exitCode: 6,
      message: expect.stringMatching(/^core-02: docker is silent/) as string,
      details: expect.arrayContaining(["docker is broken", "the last words of core-02"]) as string[],
      hint: expect.stringContaining("cluster logs core-02") as string,
    });
  });
});
