import { describe, expect, it } from "vitest";
import { manualClock } from "../foundation/clock.ts";
import { type ProcessMemory, releaseAtRest } from "./fleetd-memory.ts";

const mebibyte = 1_024 * 1_024;

/** A process that holds on to what it had at its peak until it is told to release it. */
function aProcess() {
  const now = { resident: 80 * mebibyte, worked: 0, releases: 0 };
  const memory: ProcessMemory = {
    resident: () => now.resident,
    worked: () => now.worked,
    release: () => {
      now.releases += 1;
      now.resident = 84 * mebibyte;
    },
  };
  const clock = manualClock();
  const ending = new AbortController();
  const running = releaseAtRest(memory, clock, ending.signal);
  return { now, clock, end: () => (ending.abort(), running) };
}

describe("fleetd's memory after a burst of work", () => {
  it("is kept while the burst lasts, and given back once when it is over", async () => {
    const { now, clock, end } = aProcess();
    Object.assign(now, { resident: 160 * mebibyte, worked: 4_000 });
    await clock.advance(5_000);
    expect(now.releases).toBe(0);
    await clock.advance(60_000);
    expect(now.releases).toBe(1);
    await end();
  });

  it("is left alone when it has hardly grown", async () => {
    const { now, clock, end } = aProcess();
    now.resident += 4 * mebibyte;
    await clock.advance(60_000);
    expect(now.releases).toBe(0);
    await end();
  });

  it("is given back again after the next burst", async () => {
    const { now, clock, end } = aProcess();
    now.resident = 160 * mebibyte;
    await clock.advance(10_000);
    now.resident = 150 * mebibyte;
    await clock.advance(10_000);
    expect(now.releases).toBe(2);
    await end();
  });
});
