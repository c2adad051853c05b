import { beforeEach, describe, expect, it } from "vitest";
import { fakeFleet } from "../../../test/support/fake-fleet.ts";
import { type ManualClock, manualClock } from "../../foundation/clock.ts";
import type { FleetClient } from "../api/client.ts";
import { createBell } from "./bell.ts";

/** A server whose events the test rings. */
function ringer(): { fleet: FleetClient; ring(): void; hangUp(): void; asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  let wake = Promise.withResolvers<boolean>();
  const settle = (goesOn: boolean): void => {
    const before = wake;
    wake = Promise.withResolvers();
    before.resolve(goesOn);
  };
  const events = async function* (units: readonly string[]): AsyncGenerator<void> {
    asked.push(units);
    while (await wake.promise) yield;
  };
  return { fleet: { ...fakeFleet(), events }, asked, ring: () => settle(true), hangUp: () => settle(false) };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("waiting for news", () => {
  let clock: ManualClock;

  beforeEach(() => {
    clock = manualClock();
  });

  const times = { polling: 100, quiet: 2_000, gather: 5 };
  /** Whether `next` returns within `ms`. */
  const comesWithin = async (next: Promise<void>, ms: number): Promise<boolean> => {
    let come = false;
    void next.then(() => (come = true));
    await settle();
    await clock.advance(ms);
    await settle();
    return come;
  };

  it("looks from time to time where there is no event stream", async () => {
    const bell = createBell(fakeFleet(), ["a.service"], clock);
    const next = bell.next(times);
    expect(await comesWithin(next, 99)).toBe(false);
    expect(await comesWithin(next, 1)).toBe(true);
  });

  it("rests until an event comes where there is one", async () => {
    const server = ringer();
    const bell = createBell(server.fleet, ["a.service"], clock);
    const first = bell.next(times);
    await settle();
    server.ring();
    expect(await comesWithin(first, 5)).toBe(true);
    const second = bell.next(times);
    expect(await comesWithin(second, 1_999)).toBe(false);
    server.ring();
    expect(await comesWithin(second, 5)).toBe(true);
    expect(await comesWithin(bell.next(times), 2_000)).toBe(true);
    expect(server.asked).toEqual([["a.service"]]);
  });

  it("looks from time to time again when the stream ends", async () => {
    const server = ringer();
    const bell = createBell(server.fleet, ["a.service"], clock);
    const first = bell.next(times);
    await settle();
    server.ring();
    await comesWithin(first, 5);
    const second = bell.next(times);
    await settle();
    server.hangUp();
    expect(await comesWithin(second, 5)).toBe(true);
    expect(await comesWithin(bell.next(times), 100)).toBe(true);
  });

  it("asks about all units when there are many, and gathers what happens to them", async () => {
    const server = ringer();
    const bell = createBell(
      server.fleet,
      Array.from({ length: 9 }, (_, index) => `${index}.service`),
      clock,
    );
    const next = bell.next({ ...times, gather: 150 });
    await settle();
    server.ring();
    expect(await comesWithin(next, 149)).toBe(false);
    expect(await comesWithin(next, 1)).toBe(true);
    expect(server.asked).toEqual([[]]);
  });
});
