import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { playTranscript } from "../../../test/support/schedule-transcript.ts";

const folder = join(import.meta.dirname, "../../../test/transcripts/schedule");

/** `vitest -u` writes the transcripts anew; read the difference before you commit it. */
describe("the scheduler's transcripts", () => {
  it.each(readdirSync(folder))("%s", async (name) => {
    const file = join(folder, name);
    await expect(playTranscript(readFileSync(file, "utf8"))).toMatchFileSnapshot(file);
  });
});
