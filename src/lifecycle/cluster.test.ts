import { join } from "node:path";
import { expect, it } from "vitest";
import { memoryWorld } from "../../test/support/memory-world.ts";
import { inTurn } from "./cluster.ts";

it("what clusters share is made by one run at a time, and the others hear whom they wait for", async () => {
  await using memory = await memoryWorld();
  const shared = { folder: join(memory.dir, "boxes"), what: "the machines' box" };
  const steps: string[] = [];
  const began = Promise.withResolvers<void>();
  const filled = Promise.withResolvers<void>();
  const first = inTurn(memory.world, shared, async () => {
    began.resolve();
    await filled.promise;
    steps.push("filled by the first");
  });
  await began.promise;
  const waits = Promise.withResolvers<string>();
  const another = memory.another(new AbortController().signal, (event) => {
    if (event.kind === "note") waits.resolve(event.message);
  });
  const second = inTurn(another, shared, async () => void steps.push("found by the second"));
  expect(await waits.promise).toMatch(/^the machines' box: waiting for '.+' \(pid \d+\)$/);
  filled.resolve();
  await Promise.all([first, second]);
  expect(steps).toEqual(["filled by the first", "found by the second"]);
});

it("work that fails on what clusters share lets the next run in", async () => {
  await using memory = await memoryWorld();
  const shared = { folder: join(memory.dir, "boxes"), what: "the machines' box" };
  const full = inTurn(memory.world, shared, async () => await Promise.reject(new Error("the disk is full")));
  await expect(full).rejects.toThrow("the disk is full");
  expect(await inTurn(memory.world, shared, async () => "filled")).toBe("filled");
});
