import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recordedHosts, recordedWindow } from "../../test/support/recorded-host.ts";
import { loadSpec } from "../spec/load.ts";
import { machinesOf } from "../spec/machines.ts";
import type { ClusterPlan } from "../provider/provider.ts";
import { diagnose, troubles } from "./diagnose.ts";
import { gather } from "./gather.ts";
import { purposeOf } from "./purpose.ts";

const hosts = recordedHosts(join(import.meta.dirname, "../../test/fixtures/hosts"));

/** Defaults, but for what the host's file says. JSON is YAML, too. */
function clusterOf(settings: Readonly<Record<string, unknown>> = {}): ClusterPlan {
  const loaded = loadSpec(JSON.stringify({ version: 1, name: "demo", ...settings }), "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { spec } = loaded;
  return { name: "demo", dir: "/demo", stateDir: "/demo/.state", spec, machines: machinesOf(spec) };
}

describe("the doctor on recorded hosts", () => {
  it.each(hosts)("$name: $expect", async ({ provider, cluster, expect: expected, ...host }) => {
    const facts = await gather(recordedWindow(host), [provider]);
    const findings = diagnose(facts, purposeOf(provider, clusterOf(cluster)));
    expect(findings.map(({ id }) => id)).toEqual(expected);
    for (const finding of findings) {
      expect(finding.evidence).not.toBe("");
      expect(JSON.stringify(finding)).not.toContain("secret");
    }
  });

  it("are enough, and each troubled one names a public report", () => {
    const troubled = hosts.filter((host) => host.expect.length > 0);
    expect(troubled.length).toBeGreaterThanOrEqual(15);
    expect(hosts.length - troubled.length).toBeGreaterThanOrEqual(5);
    const unnamed = troubled.filter(({ source }) => !/^[\w.-]+\/[\w.-]+#\d+$/.test(source ?? ""));
    expect(unnamed.map(({ name }) => name)).toEqual([]);
  });
});

describe("the list of troubles", () => {
  it("has every id once, in words of lower case", () => {
    const ids = troubles.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at || !/^[a-z]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
  });

  it("has titles without a full stop, each with a fix", () => {
    const bad = troubles.filter(({ title, fix }) => title.endsWith(".") || fix === "");
    expect(bad.map(({ id }) => id)).toEqual([]);
  });
});
