import { describe, expect, it } from "vitest";
import { describeRegistry } from "../../../test/support/registry-contract/registry-contract.ts";
import { aMachine, aUnit } from "../../../test/support/registry-samples.ts";
import type { ManualClock } from "../../foundation/clock.ts";
import { manualClock } from "../../foundation/clock.ts";
import type { MemoryClient, MemoryRegistry } from "./memory.ts";
import { createMemoryRegistry } from "./memory.ts";
import type { Session } from "./registry.ts";

describeRegistry("the registry's twin", async () => {
  const clock = manualClock();
  const memory = createMemoryRegistry({ clock });
  const clients: MemoryClient[] = [];
  return {
    client: async () => {
      const client = memory.client();
      clients.push(client);
      return client;
    },
    expire: async (leaseId) => memory.expire(leaseId),
    settle: (promise) => settle(clock, promise),
    close: async () => {
      for (const client of clients) await client.close();
    },
  };
});

async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([settled, clock.advance(100)]))) continue;
  return promise;
}

const never = new AbortController().signal;
const ttl = 4_000;

interface Lab {
  readonly clock: ManualClock;
  readonly memory: MemoryRegistry;
  readonly client: MemoryClient;
  readonly session: Session;
}

async function lab(): Promise<Lab> {
  const clock = manualClock();
  const memory = createMemoryRegistry({ clock });
  const client = memory.client();
  const result = await client.join({ machine: aMachine("a"), ttl }, never);
  if (result.kind !== "joined") throw new Error("the machine did not join");
  return { clock, memory, client, session: result.session };
}

describe("faults of the twin", () => {
  it("lets a cut client's lease run out, and tells the client when it is mended", async () => {
    const { clock, memory, client, session } = await lab();
    memory.cut(client);
    await clock.advance(3_999);
    expect(memory.snapshot.machines.size).toBe(1);
    await clock.advance(2);
    expect(memory.snapshot.machines.size).toBe(0);
    expect(session.lost.aborted).toBe(false);
    await expect(client.putUnit(aUnit("a.service"))).rejects.toMatchObject({ code: "E_ETCD" });
    memory.mend(client);
    expect(session.lost.aborted).toBe(true);
  });

  it("keeps a lease whose client is mended in time, unbroken", async () => {
    const { clock, memory, client, session } = await lab();
    memory.cut(client);
    await clock.advance(3_000);
    memory.mend(client);
    await clock.advance(60_000);
    expect(session.lost.aborted).toBe(false);
    expect(session.unbrokenSince).toBe(0);
  });

  it("loses no lease while the whole store is stopped, but the gap is known", async () => {
    const { clock, memory, session } = await lab();
    memory.stop();
    await clock.advance(12_000);
    expect(session.unbrokenSince).toBe(12_000);
    memory.start();
    await clock.advance(60_000);
    expect(session.lost.aborted).toBe(false);
    expect(session.unbrokenSince).toBe(12_000);
  });

  it("shows a cut client's mirror as stale and lets it catch up", async () => {
    const { memory, client } = await lab();
    const mirror = await client.follow(never);
    const other = memory.client();
    memory.cut(client);
    await other.putUnit(aUnit("a.service"));
    expect([mirror.fresh, mirror.snapshot.units.size]).toEqual([false, 0]);
    const changed = mirror.changed(never);
    memory.mend(client);
    await changed;
    expect([mirror.fresh, mirror.snapshot.units.size]).toEqual([true, 1]);
  });

  it("lets a client that was cut while it campaigned lead after the mend", async () => {
    const { memory, client, session } = await lab();
    memory.cut(client);
    const campaign = session.campaign(never);
    memory.mend(client);
    await campaign;
    expect(memory.snapshot.leader).toBe(aMachine("a").id);
  });
});
