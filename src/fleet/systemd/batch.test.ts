import { describe, expect, it } from "vitest";
import { createBatch } from "./batch.ts";

describe("a batch", () => {
  it("joins what comes while a call is under way", async () => {
    const calls: string[][] = [];
    const remove = createBatch(async (items) => {
      calls.push([...items]);
      await Promise.resolve();
    });
    await Promise.all(["a", "b", "c"].map(remove));
    await remove("d");
    expect(calls).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  it("tries each alone when some fail together", async () => {
    const remove = createBatch((items) =>
      items.includes("bad") ? Promise.reject(new Error("bad item")) : Promise.resolve(),
    );
    const results = await Promise.allSettled(["first", "a", "bad", "b"].map(remove));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });
});
