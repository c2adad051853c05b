import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { manualClock } from "../../../foundation/clock.ts";
import { AppError } from "../../../foundation/errors.ts";
import { silentLog } from "../../../foundation/log.ts";
import { noMachine } from "../../no-machine.ts";
import { createHolds, type Holds } from "./holds.ts";

describe("the promise to power a machine on again", () => {
  let runtimeDir = "";
  let starts: string[] = [];
  let failures: Error[] = [];
  let clock = manualClock();
  beforeEach(() => {
    runtimeDir = mkdtempSync(join(tmpdir(), "flotilla-holds-"));
    [starts, failures, clock] = [[], [], manualClock()];
  });
  afterEach(() => rmSync(runtimeDir, { recursive: true }));

  const supervisor = (): Holds =>
    createHolds({
      names: { runtimeDir } as Parameters<typeof createHolds>[0]["names"],
      hierarchies: {} as Parameters<typeof createHolds>[0]["hierarchies"],
      clock,
      log: silentLog(),
      start: async (node) => {
        starts.push(node);
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
      },
    });
  const cut = { id: "power-cut-1", node: "core-01", undo: "start" } as const;

  it("is kept when its time is over", async () => {
    const holds = supervisor();
    await holds.hold(cut, 60_000);
    await clock.advance(59_000);
    expect(starts).toEqual([]);
    await clock.advance(1_000);
    await vi.waitFor(() => expect(readdirSync(runtimeDir)).toEqual([]));
    expect(starts).toEqual(["core-01"]);
  });

  it("is kept by the next supervisor when the first was killed", async () => {
    await supervisor().hold(cut, 60_000);
    clock = manualClock(60_000);
    await supervisor().adopt();
    await clock.advance(0);
    await vi.waitFor(() => expect(starts).toEqual(["core-01"]));
  });

  it("is tried again when the machine did not start", async () => {
    failures = [new AppError("E_COMMAND_FAILED", "the machine core-01 does not start")];
    await supervisor().hold(cut, 60_000);
    await clock.advance(60_000);
    await vi.waitFor(() => expect(clock.sleepers).toBe(1));
    expect(existsSync(join(runtimeDir, "hold-power-cut-1-core-01.json"))).toBe(true);
    await clock.advance(5_000);
    await vi.waitFor(() => expect(readdirSync(runtimeDir)).toEqual([]));
    expect(starts).toEqual(["core-01", "core-01"]);
  });

  it("is over when the machine was destroyed", async () => {
    failures = [noMachine("core-01")];
    await supervisor().hold(cut, 60_000);
    await clock.advance(60_000);
    await vi.waitFor(() => expect(readdirSync(runtimeDir)).toEqual([]));
    expect(clock.sleepers).toBe(0);
  });

  it("is not kept any more when the machine was healed", async () => {
    const holds = supervisor();
    await holds.hold(cut, 60_000);
    await holds.release("power-cut-1", "core-01");
    await clock.advance(60_000);
    expect(starts).toEqual(["core-01"]);
    expect(await holds.list()).toEqual([]);
  });
});
