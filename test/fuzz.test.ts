import { describe, expect, it } from "vitest";
import { fuzzTargets } from "./support/fuzz.ts";

describe("whatever strangers send", () => {
  it.each(fuzzTargets.map((target) => [target.name, target] as const))(
    "%s",
    async (_, target) => {
      await expect(target.run(Math.ceil(1_000 * target.share), undefined)).resolves.toBeUndefined();
    },
    30_000,
  );
});
