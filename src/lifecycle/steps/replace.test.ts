import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryWorld, type MemoryWorld } from "../../../test/support/memory-world.ts";
import { loadSpec } from "../../spec/load.ts";
import type { ClusterSpec } from "../../spec/model.ts";
import { openCluster } from "../cluster.ts";
import { clusterPlan, mergeState, newState, withJoiners } from "../plan/desired.ts";
import type { Observed } from "../plan/plan.ts";
import { removalStages } from "../plan/removal.ts";
import { destroy, halt } from "../power.ts";
import type { Condition } from "../state/condition.ts";
import type { ClusterState } from "../state/state.ts";
import { clusterStatus } from "../status.ts";
import { up } from "../up.ts";

const yaml = (lines: string): string => `version: 1\nname: demo\n${lines}\n`;
function specOf(lines: string): ClusterSpec {
  const loaded = loadSpec(yaml(lines), "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.spec;
}
const options = ({ dir, spec }: MemoryWorld, more: { prune?: boolean; spec?: ClusterSpec } = {}) => ({
  dir,
  spec,
  nodes: [],
  provision: false,
  dryRun: false,
  ...more,
});
const power = ({ dir }: MemoryWorld, ...nodes: string[]) => ({ dir, nodes, dryRun: false });
const stateOf = async ({ world, dir }: MemoryWorld): Promise<ClusterState> =>
  (await openCluster(world, dir)).state;

async function aCluster(lines: string): Promise<MemoryWorld> {
  const memory = await memoryWorld(yaml(lines));
  await up(memory.world, options(memory));
  const { machines } = await stateOf(memory);
  for (const { address, etcdMember } of Object.values(machines)) if (etcdMember) memory.etcd.add(address);
  memory.events.length = 0;
  return memory;
}

describe("replacing a machine for good", () => {
  it("moves its units, takes its etcd off, and removes it; its successor joins as a new one", async () => {
    await using memory = await aCluster("machines: {count: 3}");
    const before = (await stateOf(memory)).machines["core-01"];
    await destroy(memory.world, power(memory, "core-01"));
    expect(memory.begun()).toEqual([
      "drain core-01",
      "leave-etcd core-01",
      "halt core-01",
      "destroy core-01",
      "uncordon core-01",
    ]);
    expect([...memory.etcd]).toEqual(["192.168.56.12", "192.168.56.13"]);
    expect(memory.cordons.size).toBe(0);

    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun().slice(1)).toEqual([
      "join-etcd core-01",
      "create core-01",
      "start core-01",
      "wait core-01",
    ]);
    const after = (await stateOf(memory)).machines["core-01"];
    expect(after?.machineId).not.toBe(before?.machineId);
    expect(after).toMatchObject({ created: "created", etcdLeft: false });
    expect([...memory.etcd]).toContain("192.168.56.11");
    const { ref } = await openCluster(memory.world, memory.dir);
    const userData = memory.provider.bootedWith(ref, "core-01") ?? "";
    expect(userData).toContain('initial_cluster_state: "existing"');
    expect(userData).toContain(
      "core-02=http://192.168.56.12:2380,core-03=http://192.168.56.13:2380,core-01=http://192.168.56.11:2380",
    );
    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun()).toEqual([]);
    expect(memory.events.filter(({ kind }) => kind === "warning")).toEqual([]);
  });

  it("goes on where a run was cut off between etcd and the machine", async () => {
    await using memory = await aCluster("machines: {count: 3}");
    memory.provider.failNext("halt", new Error("the laptop went to sleep"));
    await expect(destroy(memory.world, power(memory, "core-02"))).rejects.toThrow("sleep");
    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun().slice(1, 3)).toEqual(["discard core-02", "join-etcd core-02"]);
    expect(memory.etcd.size).toBe(3);
  });

  it("refuses to take out a member when nobody runs who could tell etcd", async () => {
    await using memory = await aCluster("machines: {count: 3}");
    await halt(memory.world, power(memory));
    await expect(destroy(memory.world, power(memory, "core-02"))).rejects.toThrow(
      "core-02 cannot be taken out",
    );
    await destroy(memory.world, power(memory));
  });
});

describe("changing the number of machines", () => {
  it("adds machines without touching etcd's members, and removes them when told so, the plan first", async () => {
    await using memory = await aCluster("machines: {count: 3}");
    const four = specOf("machines: {count: 4}");
    await up(memory.world, options(memory, { spec: four }));
    expect(memory.begun()).toEqual(["prepare", "create core-04", "start core-04", "wait core-04"]);
    expect((await stateOf(memory)).machines["core-04"]?.etcdMember).toBe(false);

    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun()).toEqual([]);
    expect(memory.events).toContainEqual(
      expect.objectContaining({ kind: "warning", message: "core-04 is no longer in cluster.yaml" }),
    );
    await up(memory.world, { ...options(memory, { prune: true }), dryRun: true });
    expect((await stateOf(memory)).machines["core-04"]?.created).toBe("created");

    await up(memory.world, options(memory, { prune: true }));
    expect(memory.begun()).toEqual(["drain core-04", "halt core-04", "destroy core-04", "uncordon core-04"]);
    const status = await clusterStatus(memory.world, await openCluster(memory.world, memory.dir));
    expect(status.machines.map(({ name }) => name)).toEqual(["core-01", "core-02", "core-03"]);
    expect(status.healthy).toBe(true);
  });

  it.each([
    [2, 3, 1],
    [6, 7, 3],
    [3, 2, 2],
  ])("from %i machines to %i keeps etcd's members: %i are left", (from, to, members) => {
    const ref = { name: "demo", dir: "/x", stateDir: "/x/.state" };
    const first = newState(clusterPlan(ref, specOf(`machines: {count: ${from}}`)), "nspawn");
    const made = Object.entries(first.machines).map(([name, machine]) => [
      name,
      { ...machine, created: "created" as const },
    ]);
    const old: ClusterState = { ...first, machines: Object.fromEntries(made) as ClusterState["machines"] };
    const spec = specOf(`machines: {count: ${to}}`);
    const state = mergeState(old, clusterPlan(ref, spec));
    const { machines } = clusterPlan(ref, spec, state);
    expect(machines.filter(({ etcdMember }) => etcdMember)).toHaveLength(members);
  });

  it("refuses another number of members that somebody chose", () => {
    const ref = { name: "demo", dir: "/x", stateDir: "/x/.state" };
    const first = newState(clusterPlan(ref, specOf("machines: {count: 4}")), "nspawn");
    const made = { ...first.machines["core-01"]!, created: "created" as const };
    const old = { ...first, machines: { ...first.machines, "core-01": made } };
    const plan = clusterPlan(ref, specOf("machines: {count: 4}\netcd: {members: 1}"));
    expect(() => mergeState(old, plan)).toThrow("what a running cluster cannot become");
  });

  it("lets etcds join one after the other, each with those before it", () => {
    const ref = { name: "demo", dir: "/x", stateDir: "/x/.state" };
    const first = newState(clusterPlan(ref, specOf("machines: {count: 3}")), "nspawn");
    const left = (name: string) => ({ ...first.machines[name]!, etcdLeft: true });
    const machines = { ...first.machines, "core-01": left("core-01"), "core-03": left("core-03") };
    const joined = withJoiners({ ...first, machines }, ["core-01", "core-03"]);
    expect(joined.machines["core-01"]?.etcdPeers).toEqual(["core-02", "core-01"]);
    expect(joined.machines["core-03"]?.etcdPeers).toEqual(["core-02", "core-01", "core-03"]);
    expect(withJoiners({ ...first, machines }, ["core-03"]).machines["core-03"]?.etcdPeers).toEqual([
      "core-02",
      "core-03",
    ]);
  });

  it("never takes two members at once, and never the last one", () => {
    const names = ["a", "b", "c", "d"];
    const observed = fc.tuple(
      ...names.map((name) =>
        fc
          .constantFrom<Condition>("running", "stopped", "absent", "half-made")
          .map((state): Observed => ({ name, state, stale: false })),
      ),
    );
    fc.assert(
      fc.property(observed, fc.subarray(names), fc.subarray(names), (seen, doomed, members) => {
        const stages = removalStages({ observed: seen, doomed, members, reason: "test" });
        expect(stages.every((stage) => stage.length === 1)).toBe(true);
        const leaving = stages.flat(2).filter(({ kind }) => kind === "leave-etcd");
        expect(leaving.length).toBeLessThan(Math.max(1, members.length));
      }),
    );
  });
});
