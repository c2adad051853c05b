import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSpec } from "./load.ts";
import { gatewayOf, machinesOf } from "./machines.ts";
import type { ClusterSpec } from "./model.ts";
import { parseAddress, parseCidr, showAddress, subnetOf } from "./subnet.ts";

function specOf(lines: string): ClusterSpec {
  const loaded = loadSpec(`version: 1\nname: demo\n${lines}`, "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.spec;
}

describe("machinesOf", () => {
  it("numbers names and addresses, applies overrides and makes the first ones etcd members", () => {
    const machines = machinesOf(
      specOf(`machines:
  count: 4
  metadata: {region: local, disk: ssd}
  overrides: {core-02: {memory: 2048, metadata: {region: other}}}`),
    );
    expect(machines.map(({ name, address }) => `${name} ${address}`)).toEqual([
      "core-01 192.168.56.11",
      "core-02 192.168.56.12",
      "core-03 192.168.56.13",
      "core-04 192.168.56.14",
    ]);
    expect(machines.map(({ etcdMember }) => etcdMember)).toEqual([true, true, true, false]);
    expect(machines[1]).toMatchObject({ memory: 2048, cpus: 1, metadata: { region: "other", disk: "ssd" } });
  });

  it("gives every machine an address of its own inside the subnet, never the gateway's", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 2, max: 300 }), (count, first) => {
        const spec = specOf(`machines: {count: ${count}}\nnetwork: {subnet: 10.20.0.0/20, first: ${first}}`);
        const numbers = machinesOf(spec).map(({ address }) => parseAddress(address) ?? 0);
        const { base } = subnetOf("10.20.0.0/20");
        expect(new Set(numbers).size).toBe(count);
        expect(numbers.every((number) => number > base + 1 && number < base + 4095)).toBe(true);
        expect(gatewayOf(spec)).toBe("10.20.0.1");
      }),
    );
  });
});

describe("addresses", () => {
  it("are shown as they are read", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(showAddress(parseAddress(text) ?? -1)).toBe(text);
      }),
    );
  });

  it.each(["", "1.2.3.4", "1.2.3/24", "1.2.3.256/24", "01.2.3.4/24", "1.2.3.4/33", "1.2.3.4/-1", "::1/64"])(
    "%s is no subnet",
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );
});
