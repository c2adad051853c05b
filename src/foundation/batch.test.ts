import { describe, expect, it } from "vitest";
import { createBatch } from "./batch.ts";

describe("a batch", () => {
  it("joins what comes while a call is under way", async () => {
    const calls: string[][] = [];
    const upper = createBatch(async (items: readonly string[]) => {
      calls.push([...items]);
      return await Promise.resolve(items.map((item) => item.toUpperCase()));
    });
    expect(await Promise.all(["a", "b", "c"].map(upper))).toEqual(["A", "B", "C"]);
    await upper("d");
    expect(calls).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  it("tries each alone when some fail together", async () => {
    const remove = createBatch((items: readonly string[]) =>
      items.includes("bad") ? Promise.reject(new Error("bad item")) : Promise.resolve(items),
    );
    const results = await Promise.allSettled(["first", "a", "bad", "b"].map(remove));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });
});
