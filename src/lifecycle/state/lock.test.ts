import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../foundation/clock.ts";
import { takeLock } from "./lock.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "flotilla-lock-"));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

/** Processes 1 to 9 live; each started at its own number. */
const take = (pid: number, within = 150, onWait?: (message: string) => void) =>
  takeLock({
    stateDir: dir,
    owner: undefined,
    command: `cluster up ${pid}`,
    clock: systemClock(),
    processes: { pid, started: async (other) => (other < 10 ? `start ${other}` : undefined) },
    signal: new AbortController().signal,
    within,
    ...(onWait === undefined ? {} : { onWait }),
  });

describe("the cluster's lock", () => {
  it("keeps a second run out, and names the holder's command and pid", async () => {
    await take(1);
    const waits: string[] = [];
    await expect(take(2, 150, (message) => waits.push(message))).rejects.toMatchObject({
      code: "E_LOCKED",
      exitCode: 5,
      message: "the cluster is locked by 'cluster up 1' (pid 1)",
    });
    expect(waits).toEqual(["waiting for 'cluster up 1' (pid 1)"]);
  });

  it("lets the next run in when it is given back, and leaves no file", async () => {
    const release = await take(1);
    const second = take(2, 5_000);
    await release();
    await (
      await second
    )();
    expect(await readdir(dir)).toEqual([]);
  });

  it("is taken over from a dead process", async () => {
    await writeFile(
      join(dir, "lock"),
      JSON.stringify({ pid: 77, started: "start 77", command: "cluster up" }),
    );
    const release = await take(1, 10_000);
    await release();
    expect(await readdir(dir)).toEqual([]);
  });

  it("is taken over when the pid belongs to another process by now", async () => {
    await writeFile(join(dir, "lock"), JSON.stringify({ pid: 5, started: "earlier", command: "cluster up" }));
    await expect(take(1, 10_000)).resolves.toBeTypeOf("function");
  });

  it("is held by exactly one of many that find it stale", async () => {
    await writeFile(
      join(dir, "lock"),
      JSON.stringify({ pid: 77, started: "start 77", command: "cluster up" }),
    );
    const tries = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((pid) => take(pid, 1_000)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});
