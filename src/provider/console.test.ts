import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../foundation/clock.ts";
import { boundConsole, consoleLines } from "./console.ts";

describe("a node's console log", () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "console-"));
    path = join(dir, "core-01.console.log");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const read = async (): Promise<string[]> => {
    const { signal } = new AbortController();
    const lines: string[] = [];
    for await (const line of consoleLines(path, manualClock(), { follow: false, signal })) lines.push(line);
    return lines;
  };

  it("is empty before the first boot", async () => {
    expect(await read()).toEqual([]);
  });

  it("is shown without the terminal's line ends and colours, the last half line too", async () => {
    writeFileSync(path, "\u001B[0;32mOK\u001B[0m started\r\nlogin:");
    expect(await read()).toEqual(["OK started", "login:"]);
  });

  it("is followed until the signal aborts", async () => {
    writeFileSync(path, "one\n");
    const [stop, clock, seen] = [new AbortController(), manualClock(), [] as string[]];
    const lines = consoleLines(path, clock, { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    seen.push((await lines.next()).value as string);
    appendFileSync(path, "two\n");
    const next = lines.next();
    while (clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(100);
    seen.push((await next).value as string);
    expect(seen).toEqual(["one", "two"]);
    const last = lines.next();
    stop.abort();
    expect((await last).done).toBe(true);
  });

  it("does not grow for ever; the part before is kept beside it", async () => {
    writeFileSync(path, "x".repeat(2_000_001));
    await boundConsole(path);
    expect(statSync(path).size).toBe(0);
    expect(statSync(`${path}.1`).size).toBe(2_000_001);
  });
});
