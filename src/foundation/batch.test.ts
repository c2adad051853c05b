import { describe, expect, it } from "vitest";
import { createBatch } from "./batch.ts";

describe("a batch", () => {
  it("joins what comes while a call is under way", async () => {
    const calls: string[][] = [];
    const upper = createBatch(async (items: readonly string[]) => {
      calls.push([...items]);
      return await Promise.resolve(items.map((item) => item.toUpperCase()));
    });
    const first = upper("a");
    while (calls.length === 0) await Promise.resolve();
    expect(await Promise.all([first, ...["b", "c"].map(upper)])).toEqual(["A", "B", "C"]);
    await upper("d");
    expect(calls).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  it("joins what comes in the same breath", async () => {
    const calls: number[][] = [];
    const negate = createBatch(async (items: readonly number[]) => {
      calls.push([...items]);
      return await Promise.resolve(items.map((item) => -item));
    });
    expect(await Promise.all([1, 2, 3].map(negate))).toEqual([-1, -2, -3]);
    expect(calls).toEqual([[1, 2, 3]]);
  });

  it("tries each alone when some fail together", async () => {
    const remove = createBatch((items: readonly string[]) =>
      items.includes("bad") ? Promise.reject(new Error("bad item")) : Promise.resolve(items),
    );
    const results = await Promise.allSettled(["first", "a", "bad", "b"].map(remove));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });
});
