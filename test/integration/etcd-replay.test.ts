import type { CallOptions } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { EtcdContext } from "../../src/fleet/registry/etcd/context.ts";
import { followEtcd } from "../../src/fleet/registry/etcd/follow.ts";
import { joinEtcd } from "../../src/fleet/registry/etcd/join.ts";
import { layoutAt } from "../../src/fleet/registry/etcd/layout.ts";
import type { Members } from "../../src/fleet/registry/etcd/members.ts";
import { openMembers } from "../../src/fleet/registry/etcd/members.ts";
import { deleteUnit, putUnit, setDesired } from "../../src/fleet/registry/etcd/units.ts";
import type { Snapshot } from "../../src/fleet/model.ts";
import type { EtcdCluster } from "../support/etcd.ts";
import { startEtcdCluster } from "../support/etcd.ts";
import { aMachine, aState, aUnit } from "../support/registry-samples.ts";

const never = new AbortController().signal;
const content = (snapshot: Snapshot): Snapshot => ({ ...snapshot, revision: 0n });

let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await startEtcdCluster(1);
});
afterAll(() => cluster.stop());

/** Members that remember each request, as a frozen member's socket does, and can deliver all of them once more. */
function recording(members: Members): { members: Members; replay: () => Promise<number> } {
  const requests: (() => Promise<unknown>)[] = [];
  const call: Members["call"] = (what, ask, settings) => {
    const options: CallOptions = { timeoutMs: 5_000 };
    requests.push(() => ask(members.current, options).catch(() => undefined));
    return members.call(what, ask, settings);
  };
  const copy: Members = { ...members, current: members.current, call };
  return {
    members: copy,
    replay: async () => {
      const late = requests.splice(0);
      for (const request of late) await request();
      return late.length;
    },
  };
}

it("changes nothing when every request arrives a second time, late", async () => {
  const clock = systemClock();
  const real = openMembers(cluster.endpoints, clock);
  const { members, replay } = recording(real);
  const layout = layoutAt("/replay/");
  const context: EtcdContext = { members, layout, clock, log: silentLog(), closed: never };
  const writer = { members, layout, seen: 0n };
  const mirror = await followEtcd(context, never);
  const joined = await joinEtcd(context, { machine: aMachine("a"), ttl: 60_000 }, never);
  if (joined.kind !== "joined") throw new Error("it did not join");
  const { session } = joined;
  const term = await session.campaign(never);

  const machineID = aMachine("a").id;
  await putUnit(writer, aUnit("kept.service", { desired: "inactive" }), {});
  await setDesired(writer, { name: "kept.service", desired: "loaded" }, {});
  await setDesired(writer, { name: "kept.service", desired: "launched" }, {});
  await putUnit(writer, aUnit("destroyed.service"), {});
  await deleteUnit(writer, "destroyed.service", {});
  await term.commit([
    { kind: "place", placement: { unit: "kept.service", machineID: "m1", reason: "first" } },
  ]);
  await term.commit([{ kind: "release", unit: "kept.service", from: "m1", reason: "m1 went away" }]);
  await term.commit([
    { kind: "place", placement: { unit: "kept.service", machineID: "m2", reason: "then" } },
  ]);
  await session.putState(aState("kept.service", machineID, "activating"));
  await session.putState(aState("kept.service", machineID, "active"));
  await session.putState(aState("unloaded.service", machineID));
  await session.deleteState("unloaded.service");
  await session.updateMachine(aMachine("a", { leaving: true }));

  const fence = await putUnit({ ...writer, members: real }, aUnit("fence.service"), {});
  await mirror.reached(fence, never);
  const before = content(mirror.snapshot);
  expect(await replay()).toBeGreaterThan(15);
  await mirror.reached(
    await putUnit({ ...writer, members: real }, aUnit("fence.service", { desired: "loaded" }), {}),
    never,
  );
  await mirror.reached(await putUnit({ ...writer, members: real }, aUnit("fence.service"), {}), never);

  expect(content(mirror.snapshot)).toEqual(before);
  expect(mirror.snapshot.placements.get("kept.service")?.machineID).toBe("m2");
  await session.end();
  await mirror.close();
  real.close();
});
