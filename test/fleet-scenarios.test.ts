import { describe, expect, it } from "vitest";
import { containerUnit, fleetStage, type FleetStageOptions } from "./support/fleet-stage.ts";
import { playInMemory } from "./support/play-in-memory.ts";

/** Scenarios against fleet's real engine and agents, above the twins of etcd and systemd. */

const hello = containerUnit("hello.service");
const steady = [
  { unit: "hello.service", within: "30s" },
  { machines: "all", within: "30s" },
];
const budget = { unit: "hello.service", copiesAtMost: 1, startsAtMost: 1 };

const nodeKill = {
  version: 1,
  name: "node-kill",
  services: ["hello.service"],
  steady,
  steps: [
    { inject: "power-cut", victims: "the machine that runs hello.service" },
    { assert: { unit: "hello.service", within: "15s" } },
    { heal: "power-cut" },
    { assert: { machines: "all", within: "15s" } },
    { wait: "15s" },
  ],
  budgets: [{ ...budget, recoveredWithin: "10s" }],
};
const nodeHalt = {
  ...nodeKill,
  name: "node-halt",
  steps: nodeKill.steps.map(
    (step) => JSON.parse(JSON.stringify(step).replace("power-cut", "halt")) as unknown,
  ),
};
const otherKill = {
  ...nodeKill,
  name: "other-kill",
  steps: [
    { inject: "power-cut", victims: "core-03" },
    { wait: "20s" },
    { heal: "power-cut" },
    { assert: { machines: "all", within: "15s" } },
    { wait: "15s" },
  ],
  budgets: [{ ...budget, startsAtMost: 0, awayAtMost: "100ms" }],
};
const powerOutage = {
  ...nodeKill,
  name: "power-outage",
  steps: [
    { inject: "power-cut", victims: "all" },
    { heal: "power-cut", victims: ["core-02", "core-03"] },
    { assert: { unit: "hello.service", within: "30s" } },
    { heal: "power-cut" },
    { assert: { machines: "all", within: "15s" } },
    { wait: "15s" },
  ],
  budgets: [{ ...budget, recoveredWithin: "20s" }],
};

async function outcomeOf(scenario: object, options: Partial<FleetStageOptions> = {}): Promise<unknown> {
  const { verdict } = await playInMemory(scenario, (clock) =>
    fleetStage(clock, { units: [hello], ...options }),
  );
  return { outcome: verdict.outcome, reasons: verdict.reasons };
}
const passed = { outcome: "pass", reasons: [] };

describe("fleet in scenarios", { timeout: 60_000 }, () => {
  it("brings a service back when its machine dies", async () => {
    expect(await outcomeOf(nodeKill)).toEqual(passed);
  });

  it("hands a service over when its machine is shut down", async () => {
    expect(await outcomeOf(nodeHalt)).toEqual(passed);
  });

  it("leaves a service alone when another machine dies", async () => {
    expect(await outcomeOf(otherKill)).toEqual(passed);
  });

  it("brings a service back after the loss of all machines, though one stays down", async () => {
    expect(await outcomeOf(powerOutage)).toEqual(passed);
  });

  it("leaves services alone when etcd is in trouble", async () => {
    expect(await outcomeOf(otherKill, { etcdTrouble: [6_000, 16_000] })).toEqual(passed);
  });

  it("leaves services alone when etcd lost every lease", async () => {
    expect(await outcomeOf(otherKill, { leasesLostAt: 8_000 })).toEqual(passed);
  });

  it("still brings a service back when etcd lost every lease a while ago", async () => {
    const later = { ...nodeKill, steps: [{ wait: "14s" }, ...nodeKill.steps] };
    expect(await outcomeOf(later, { leasesLostAt: 8_000 })).toEqual(passed);
  });

  it("keeps pairs together and rivals apart, though another machine has more room", async () => {
    const units = [
      containerUnit("hello.service", ["Conflicts=rival.service"]),
      containerUnit("partner.service", ["MachineOf=hello.service"]),
      containerUnit("rival.service", [`MachineID=${"2".repeat(32)}`]),
      containerUnit("filler-1.service", [`MachineID=${"3".repeat(32)}`]),
      containerUnit("filler-2.service", [`MachineID=${"3".repeat(32)}`]),
    ];
    const probes = units.map(({ name }) => ({ unit: name, within: "30s" }));
    const scenario = { ...nodeKill, steady: [...probes, { machines: "all" }] };
    expect(await outcomeOf(scenario, { units })).toEqual(passed);
  });

  it("shows how long detecting, deciding and starting took", async () => {
    const { verdict } = await playInMemory(nodeKill, (clock) => fleetStage(clock, { units: [hello] }));
    const stages = verdict.units[0]?.recoveries[0]?.stages ?? [];
    expect(stages.find(({ name }) => name === "detect")?.took).toBeGreaterThan(2_000);
    expect(stages.find(({ name }) => name === "decide")?.took).toBeDefined();
  });
});
