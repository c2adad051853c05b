import { beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "../../foundation/clock.ts";
import { silentLog } from "../../foundation/log.ts";
import type { UnitState } from "../model.ts";
import type { Session } from "../registry/registry.ts";
import { createPublisher, type Publisher } from "./publisher.ts";

/** The behaviours that fleet 1.0's own tests held of what publishes the states of units. */

const state = (unit: string, active: string): UnitState => ({
  unit,
  machineID: "m",
  hash: "abc",
  load: "loaded",
  active,
  sub: "running",
  reached: "launched",
});
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe("the publisher", () => {
  let clock: ManualClock;
  let publisher: Publisher;
  let writes: string[];
  /** Each write waits for this. */
  let answer: () => Promise<void>;

  beforeEach(() => {
    clock = manualClock();
    publisher = createPublisher({ clock, log: silentLog() });
    writes = [];
    answer = async () => undefined;
  });

  const session = (): Session => ({
    machineID: "m1",
    leaseId: "1",
    lost: new AbortController().signal,
    unbrokenSince: 0,
    doubt: () => undefined,
    updateMachine: async () => undefined,
    putState: async ({ unit, active }) => {
      writes.push(`${unit} ${active}`);
      await answer();
    },
    deleteState: async (unit) => {
      writes.push(`${unit} gone`);
      await answer();
    },
    campaign: async () => Promise.reject(new Error("not here")),
    withdraw: async () => undefined,
    end: async () => undefined,
  });

  it("writes a new state, and a changed one", async () => {
    publisher.attach(session(), new Map());
    publisher.set("a.service", state("a.service", "activating"));
    await settle();
    publisher.set("a.service", state("a.service", "active"));
    await settle();
    expect(writes).toEqual(["a.service activating", "a.service active"]);
  });

  it("writes nothing when nothing has changed, however much time passes", async () => {
    publisher.attach(session(), new Map());
    for (let times = 0; times < 3; times++) {
      publisher.set("a.service", state("a.service", "active"));
      await settle();
    }
    await clock.advance(3_600_000);
    expect(writes).toEqual(["a.service active"]);
  });

  it("takes back what is no longer to be said, once", async () => {
    publisher.attach(session(), new Map([["a.service", state("a.service", "active")]]));
    await settle();
    publisher.set("a.service", undefined);
    await settle();
    expect(writes).toEqual(["a.service gone"]);
  });

  it("writes only the newest of what came while a write was under way", async () => {
    const first = Promise.withResolvers<void>();
    answer = () => first.promise;
    publisher.attach(session(), new Map());
    for (const active of ["activating", "active", "deactivating", "failed"]) {
      publisher.set("a.service", state("a.service", active));
    }
    answer = async () => undefined;
    first.resolve();
    await settle();
    expect(writes.at(-1)).toBe("a.service failed");
    expect(writes.length).toBeLessThanOrEqual(2);
  });

  it("writes nothing without a session, and everything to the next one", async () => {
    publisher.set("a.service", state("a.service", "active"));
    await settle();
    expect(writes).toEqual([]);
    publisher.attach(session(), new Map());
    await settle();
    publisher.detach();
    publisher.set("b.service", state("b.service", "active"));
    await settle();
    publisher.attach(session(), new Map());
    await publisher.flushed(new AbortController().signal);
    expect(writes.toSorted()).toEqual(["a.service active", "a.service active", "b.service active"]);
  });

  it("tries again when a write failed, and only then is done", async () => {
    let failures = 1;
    answer = async () => {
      if (failures-- > 0) throw new Error("no leader");
    };
    publisher.attach(session(), new Map());
    publisher.set("a.service", state("a.service", "active"));
    await settle();
    const flushed = publisher.flushed(new AbortController().signal);
    await clock.advance(1_000);
    await flushed;
    expect(writes).toEqual(["a.service active", "a.service active"]);
  });
});
