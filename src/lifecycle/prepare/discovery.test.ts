import { describe, expect, it } from "vitest";
import { aCluster } from "../../../test/support/rendered-cluster.ts";
import type { ClusterPlan } from "../../provider/provider.ts";
import { clusterPlan, mergeState, newState } from "../plan/desired.ts";
import { isMadeAgain, etcdStart, withFormed } from "./discovery.ts";
import { withMachine, type ClusterState } from "../state/state.ts";

const planOf = (lines: string): ClusterPlan =>
  clusterPlan({ name: "demo", dir: "/d", stateDir: "/d/.state" }, aCluster(lines).spec);

const local = planOf("etcd: {discovery: local}");
const url = "http://192.168.56.1:8087/t";
const young: ClusterState = {
  ...newState(local, "nspawn"),
  discovery: { wish: "local", url, size: 3 },
};
const formed = withFormed(
  ["core-01", "core-02", "core-03"].reduce(
    (state, name) => withMachine(state, name, { created: "created" }),
    young,
  ),
);

describe("a cluster's discovery token", () => {
  it("is what every machine of a new cluster starts with, and keeps", () => {
    expect(etcdStart(young, "core-01")).toEqual({ discovery: { url }, again: false });
    expect(etcdStart(formed, "core-01")).toEqual({ discovery: { url }, again: false });
  });

  it("is not shown again to a machine that is made again: it would be refused", () => {
    const destroyed = withMachine(formed, "core-02", { created: "no" });
    expect(isMadeAgain(destroyed, "core-02")).toBe(true);
    const remade = withMachine(destroyed, "core-02", { created: "created", again: true });
    expect(etcdStart(remade, "core-02")).toEqual({ discovery: { url }, again: true });
    expect(etcdStart(remade, "core-01")).toEqual({ discovery: { url }, again: false });
  });

  it("is shown again to a machine of a cluster that never formed", () => {
    expect(isMadeAgain(withMachine(young, "core-02", { created: "creating" }), "core-02")).toBe(false);
  });

  it("cannot be had by a cluster that has formed without, nor be given up", () => {
    const listed = planOf("");
    expect(() => mergeState(formed, listed)).toThrow("cannot become");
    const { discovery: _, ...without } = formed;
    expect(isMadeAgain(withMachine(without, "core-02", { created: "no" }), "core-02")).toBe(true);
    expect(() => mergeState(without, local)).toThrow("cannot become");
    expect(mergeState(young, listed)).toMatchObject({ name: "demo" });
    expect(mergeState(formed, local)).toBe(formed);
  });
});
