import { appendFileSync, mkdtempSync, mkdirSync, readFileSync, rmSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { jsonLines } from "./json-lines.ts";

describe("a journal of JSON lines", () => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-lines-"));
  const path = join(folder, "journal.ndjson");
  beforeEach(() => rmSync(path, { force: true, recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is empty until something is written, and readable by its owner alone", async () => {
    const lines = jsonLines<number>(path);
    expect(await lines.read()).toEqual([]);
    await lines.append(1);
    expect(await lines.read()).toEqual([1]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("keeps the order of entries that are written at once", async () => {
    const lines = jsonLines<number>(path);
    await Promise.all([1, 2, 3].map((entry) => lines.append(entry)));
    expect(readFileSync(path, "utf8")).toBe("1\n2\n3\n");
  });

  it("loses only the line that a power cut left half-written", async () => {
    const before = jsonLines<{ step: string }>(path);
    await before.append({ step: "one" });
    appendFileSync(path, '{"step":"tw');
    const after = jsonLines<{ step: string }>(path);
    await after.append({ step: "three" });
    expect(await after.read()).toEqual([{ step: "one" }, { step: "three" }]);
  });

  it("writes again after a line that could not be written", async () => {
    const lines = jsonLines<number>(path);
    mkdirSync(path);
    await expect(lines.append(1)).rejects.toThrow("EISDIR");
    rmdirSync(path);
    await lines.append(2);
    expect(await lines.read()).toEqual([2]);
  });
});
