import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { rubyLiteral, shellWord } from "../../src/provision/quote.ts";

const scratch = mkdtempSync(join(tmpdir(), "flotilla-quoting-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("quoting, read by the languages themselves", () => {
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({
        unit: fc.constantFrom("'", '"', "\\", "#", "{", "}", "$", "`", "\n", "\r", "%", " ", "a"),
      }),
      fc.constantFrom("\n__END__\n", "#{exit 3}", "'+exit(3)+'", "\\", "\\'", "é🙂", "\u2028", "\uFEFF"),
    ),
    { numRuns: 300, seed: 1 },
  );

  it("Ruby reads what was written", async () => {
    const file = join(scratch, "texts.rb");
    await writeFile(file, `require 'json'\ntexts = ${rubyLiteral(texts)}\nputs JSON.generate(texts)\n`);
    const { stdout } = await execa("ruby", [file]);
    expect(JSON.parse(stdout)).toEqual(texts);
  });

  it("the shell reads what was written", async () => {
    const words = texts.filter((text) => !text.includes("\0"));
    const file = join(scratch, "texts.sh");
    await writeFile(file, `printf '%s\\0' ${words.map(shellWord).join(" ")} > texts.out\n`);
    await execa("sh", [file], { cwd: scratch });
    expect((await readFile(join(scratch, "texts.out"), "utf8")).split("\0").slice(0, -1)).toEqual(words);
  });
});
