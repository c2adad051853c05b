import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aMachine } from "../../test/support/fleet-world.ts";
import { unitFiles } from "../../test/support/systemd-contract.ts";
import { manualClock, type ManualClock } from "../foundation/clock.ts";
import { lineLog } from "../foundation/log.ts";
import { createMemoryRegistry, type MemoryClient, type MemoryRegistry } from "../fleet/registry/memory.ts";
import type { UnitOption } from "../fleet/model.ts";
import type { Session, Term } from "../fleet/registry/registry.ts";
import { createMemorySystemd, type MemorySystemd } from "../fleet/systemd/memory.ts";
import { createLife, type Life } from "./fleetd-life.ts";

const me = aMachine("1".repeat(32));
const ttl = 4_000;

/** Lets everything that can happen without time happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A client whose sessions learn that their lease has ended only by asking, as those of etcd do between two beats. */
function thatMustAsk(client: MemoryClient): MemoryClient {
  return {
    ...client,
    join: async (request, signal) => {
      const result = await client.join(request, signal);
      if (result.kind !== "joined") return result;
      const lost = new AbortController();
      const told = result.session.lost;
      const doubt = (): void => (told.aborted ? lost.abort(told.reason) : undefined);
      const changed = { doubt: { value: doubt }, lost: { value: lost.signal } };
      return { ...result, session: Object.create(result.session, changed) as Session };
    },
  };
}

describe("fleetd's life", () => {
  let clock: ManualClock;
  let registry: MemoryRegistry;
  let systemd: MemorySystemd;
  let boss: MemoryClient;
  let term: Term;
  let lines: string[];
  let kept: (string | undefined)[];
  let ready: number;
  let engines: number;
  let stop: AbortController;

  beforeEach(async () => {
    clock = manualClock();
    registry = createMemoryRegistry({ clock });
    systemd = createMemorySystemd({ clock });
    stop = new AbortController();
    [lines, kept, ready, engines] = [[], [], 0, 0];
    boss = registry.client();
    const joined = await boss.join({ machine: aMachine("b".repeat(32)), ttl }, stop.signal);
    if (joined.kind !== "joined") throw new Error("not joined");
    term = await joined.session.campaign(stop.signal);
  });

  afterEach(() => stop.abort(new Error("the test is over")));

  const born = (client: MemoryClient, changes: { leaseId?: string; nonce?: string } = {}): Life =>
    createLife({
      machine: { ...me, nonce: changes.nonce ?? me.nonce },
      registry: client,
      systemd,
      runEngine: async (_session, _mirror, signal) => {
        engines++;
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        engines--;
      },
      ttl,
      leaseId: changes.leaseId,
      keepLease: async (leaseId) => void kept.push(leaseId),
      onReady: () => ready++,
      clock,
      log: lineLog({ write: (line) => lines.push(line), level: "info", style: "plain" }),
    });
  const start = async (client: MemoryClient, changes: { leaseId?: string; nonce?: string } = {}) => {
    const life = born(client, changes);
    const running = life.run();
    running.catch(() => undefined);
    await settle();
    return { life, running };
  };
  const run = async (unit: string, more: readonly UnitOption[] = []): Promise<void> => {
    const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 1000" }, ...more];
    await boss.putUnit({ name: unit, options, desired: "launched" });
    await term.commit([{ kind: "place", placement: { unit, machineID: me.id, reason: "test" } }]);
    await settle();
  };
  const active = (unit: string): string | undefined => registry.snapshot.states.get(unit)?.get(me.id)?.active;

  it("joins, is ready once, keeps its lease and takes part in the election", async () => {
    const { life } = await start(registry.client());
    expect(registry.snapshot.machines.has(me.id)).toBe(true);
    expect(life.mirror?.fresh).toBe(true);
    expect([ready, engines, kept.length]).toEqual([1, 1, 1]);
  });

  it("has nothing to answer from until etcd is there, and touches nothing", async () => {
    systemd = createMemorySystemd({
      clock,
      units: [{ name: "a.service", content: unitFiles.sleeper, running: true }],
    });
    registry.stop();
    const { life } = await start(registry.client());
    await clock.advance(60_000);
    expect(life.mirror).toBeUndefined();
    expect(life.absence).toEqual({ kind: "etcd", why: "etcd does not answer" });
    expect([ready, systemd.calls]).toEqual([0, []]);
    registry.start();
    await clock.advance(1_000);
    await settle();
    expect(life.mirror).toBeDefined();
  });

  it("joins again after its session was lost, and its units run on", async () => {
    const client = registry.client();
    const { life } = await start(client);
    await run("a.service");
    registry.cut(client);
    await clock.advance(5_000);
    expect(registry.snapshot.machines.has(me.id)).toBe(false);
    registry.mend(client);
    await settle();
    expect(registry.snapshot.machines.has(me.id)).toBe(true);
    expect(life.mirror).toBeDefined();
    expect(active("a.service")).toBe("active");
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
    expect([ready, engines, new Set(kept).size]).toEqual([1, 1, 2]);
  });

  it("is back at once when its record goes though it lives, as after an etcd that stood still", async () => {
    await start(thatMustAsk(registry.client()));
    await run("a.service");
    registry.expire(kept[0]);
    await settle();
    expect(registry.snapshot.machines.has(me.id)).toBe(true);
    expect(new Set(kept).size).toBe(2);
    expect(active("a.service")).toBe("active");
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
  });

  it("takes up its session after a crash, before anybody noticed", async () => {
    const first = registry.client();
    await start(first);
    await run("a.service");
    await first.close();
    const { life } = await start(registry.client(), { leaseId: kept[0] ?? "" });
    expect(life.mirror).toBeDefined();
    expect(kept).toEqual([kept[0], kept[0]]);
    await clock.advance(10_000);
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
    expect(registry.snapshot.placements.get("a.service")?.machineID).toBe(me.id);
  });

  it("says so when another machine has its id, and waits for it to go", async () => {
    const other = registry.client();
    const { life: twin } = await start(other, { nonce: "other" });
    const { life } = await start(registry.client());
    await clock.advance(ttl);
    await settle();
    expect(life.mirror).toBeUndefined();
    expect(lines.join("\n")).toContain("ERROR another machine with this id is in the cluster");
    const why = `the machine at ${me.publicIP} has the same id, ${me.id}; each needs an /etc/machine-id of its own`;
    expect([life.absence, twin.absence]).toEqual([{ kind: "refused", why }, undefined]);
    const left = twin.leave();
    await settle();
    await left;
    await clock.advance(15_000);
    await settle();
    expect([life.mirror, life.absence]).toEqual([expect.anything(), undefined]);
  });

  describe("when a newer fleet has taken the registry over", () => {
    it("keeps its units running and its lease, says so, and touches the registry no more", async () => {
      const { life } = await start(registry.client());
      await run("a.service");
      registry.outgrow();
      await settle();
      const revision = registry.snapshot.revision;
      await clock.advance(60_000);
      await settle();
      expect(registry.snapshot.machines.has(me.id)).toBe(true);
      expect(active("a.service")).toBe("active");
      expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
      expect([registry.snapshot.revision, engines, life.mirror]).toEqual([revision, 0, undefined]);
      expect(life.absence).toMatchObject({ kind: "refused", why: expect.stringContaining("upgrade fleet") });
      expect(lines.at(-1)).toContain('units run on as they are hint="upgrade fleet');
      expect(lines.at(-1)).toContain("kept: nobody else starts them");
    });

    it("also keeps the lease that an earlier fleetd has left, and stops its units when it is stopped", async () => {
      const first = registry.client();
      await start(first);
      await run("a.service");
      await first.close();
      registry.outgrow();
      const { life, running } = await start(registry.client(), { leaseId: kept[0] ?? "" });
      await clock.advance(60_000);
      await settle();
      expect(registry.snapshot.machines.has(me.id)).toBe(true);
      expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
      const left = life.leave();
      await settle();
      await Promise.all([left, running]);
      expect(await systemd.list()).toEqual([]);
      expect(registry.snapshot.machines.has(me.id)).toBe(false);
    });

    it("says that others may start its units when its lease has ended", async () => {
      await start(registry.client());
      await run("a.service");
      registry.outgrow();
      await settle();
      registry.expire();
      await clock.advance(30_000);
      await settle();
      expect(lines.at(-1)).toContain("not kept: others may start them too");
      expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
    });
  });

  it("leaves: units stop, then states and the machine's record go", async () => {
    const { life, running } = await start(registry.client());
    await run("a.service");
    await life.leave();
    await running;
    expect(await systemd.list()).toEqual([]);
    expect(registry.snapshot.states.size).toBe(0);
    expect(registry.snapshot.machines.has(me.id)).toBe(false);
    expect([engines, kept.at(-1)]).toEqual([0, undefined]);
  });

  it("costs nothing while nothing changes: no call of systemd or the registry, no timer", async () => {
    await start(registry.client());
    for (const unit of ["a.service", "b.service"]) await run(unit);
    const [calls, revision] = [systemd.calls.length, registry.snapshot.revision];
    expect(clock.sleepers).toBe(0);
    await clock.advance(60_000);
    await settle();
    expect([systemd.calls.length, registry.snapshot.revision, clock.sleepers]).toEqual([calls, revision, 0]);
  });

  it("is restarted: nothing is given up, and the next one goes on under the same session", async () => {
    const client = registry.client();
    const { life, running } = await start(client);
    await run("a.service");
    const lease = kept[0] ?? "";
    await life.suspend();
    await running;
    await client.close();
    expect(registry.snapshot.machines.has(me.id)).toBe(true);
    await start(registry.client(), { leaseId: lease });
    await clock.advance(10_000);
    expect(kept).toEqual([lease, lease]);
    expect(systemd.calls).toEqual(["install a.service", "start a.service"]);
    expect(active("a.service")).toBe("active");
  });

  it("leaves within five seconds when etcd is away, also units that are slow to stop", async () => {
    const client = registry.client();
    const { life, running } = await start(client);
    await run("a.service");
    await run("slow.service", [{ section: "Service", name: "ExecStop", value: "/bin/sleep 30" }]);
    registry.cut(client);
    let left = false;
    const leaving = life.leave().then(() => (left = true));
    await settle();
    await clock.advance(5_000);
    await settle();
    expect(left).toBe(true);
    await Promise.all([leaving, running]);
    expect((await systemd.list()).map(({ name }) => name)).toEqual(["slow.service"]);
  });

  it("counts what systemd took to say that it is a stop into those five seconds", async () => {
    const client = registry.client();
    const { life, running } = await start(client);
    await run("slow.service", [{ section: "Service", name: "ExecStop", value: "/bin/sleep 30" }]);
    registry.cut(client);
    const asked = clock.monotonic();
    await clock.advance(2_000);
    let left = false;
    const leaving = life.leave(asked).then(() => (left = true));
    await settle();
    await clock.advance(1_500);
    await settle();
    expect(left).toBe(true);
    await Promise.all([leaving, running]);
  });
});
