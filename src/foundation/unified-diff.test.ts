import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unifiedDiff } from "./unified-diff.ts";

describe("a unified diff", () => {
  it("shows what changes, with three lines around it", () => {
    const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    expect(unifiedDiff("f", before, before.replace("5", "five"))).toBe(
      "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
    );
    expect(unifiedDiff("f", before, before)).toBe("");
    expect(unifiedDiff("f", "", "a")).toBe(
      "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n",
    );
  });

  it("leads patch from the one text to the other, whatever they are", () => {
    const dir = mkdtempSync(join(tmpdir(), "diff-"));
    const text = fc
      .array(fc.constantFrom("a\n", "b\n", "c\n", "\n"), { maxLength: 30 })
      .map((lines) => lines.join(""));
    try {
      fc.assert(
        fc.property(text, text, (before, after) => {
          const file = join(dir, "f");
          writeFileSync(file, before);
          const input = unifiedDiff("f", before, after);
          fc.pre(input !== "" && after !== "");
          execFileSync("patch", ["--silent", "--posix", file], { input });
          expect(readFileSync(file, "utf8")).toBe(after);
        }),
        { numRuns: 40 },
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
