import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryWorld } from "../../../test/support/memory-world.ts";
import { systemClock, type Clock } from "../../foundation/clock.ts";
import { up } from "../up.ts";

/** Whoever would wait for a minute waits for 150 ms. */
function hastyClock(): Clock {
  const real = systemClock();
  const scale = (ms: number): number => (ms >= 60_000 ? 150 : ms);
  return { ...real, sleep: async (ms, signal) => await real.sleep(scale(ms), signal) };
}

describe("a node that is ready but for the others", () => {
  it("waits for them as long as they need to start", async () => {
    await using memory = await memoryWorld();
    const { dir, spec } = memory;
    const ref = { name: spec.name, dir, stateDir: join(dir, ".state") };
    const options = { dir, spec, nodes: [], provision: false, dryRun: false };
    await up(memory.world, options);
    await memory.provider.kill(ref, "core-02", memory.world.signal);
    const slow = {
      ...memory.provider,
      start: async (...args: Parameters<typeof memory.provider.start>) => {
        await systemClock().sleep(600);
        await memory.provider.start(...args);
      },
    };
    const world = { ...memory.world, clock: hastyClock(), provider: async () => slow };
    await up(world, options);
    expect((await memory.provider.machines(ref)).get("core-02")?.state).toBe("running");
  });
});

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
