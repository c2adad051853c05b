import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatedFiles, repository } from "../scripts/generated-files.ts";

describe("generated files", async () => {
  it.each(await generatedFiles())("$path is what 'npm run generate' writes", async ({ path, content }) => {
    expect(await readFile(join(repository, path), "utf8")).toBe(content);
  });
});
