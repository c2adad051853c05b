import { describe, expect, it } from "vitest";
import { loadScenario } from "./load.ts";
import type { Scenario } from "./scenario.ts";
import { slowed } from "./slowed.ts";

describe("a scenario for slower machines", () => {
  const read = (factor: number): Scenario => {
    const text = `version: 1
name: slow
steady: [{ unit: a.service, active: 1, within: ${9 * factor}s, during: true, tolerance: ${2 * factor}s }]
steps:
  - { inject: partition, flap: 3s, victims: one, ttl: ${120 * factor}s }
  - assert: { http: "http://core-01:8080/", within: ${20 * factor}s }
  - { wait: ${3 * factor}s }
  - { soak: ${60 * factor}s, faults: [{ inject: power-cut, ttl: ${120 * factor}s }], each: ${8 * factor}s, rest: ${5 * factor}s }
  - { heal: partition }
budgets:
  - { unit: a.service, recoveredWithin: ${10 * factor}s, awayAtMost: ${15 * factor}s, copiesAtMost: 1, startsAtMost: 2 }
`;
    const loaded = loadScenario(text, "slow.yaml");
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.scenario;
  };

  it("waits and allows so many times as long, and breaks the same", () => {
    expect(slowed(read(1), 5)).toEqual(read(5));
  });

  it("is the very same when it is once as long", () => {
    const scenario = read(1);
    expect(slowed(scenario, 1)).toBe(scenario);
  });

  it("keeps a fault long enough when nobody said how long", () => {
    const text =
      "version: 1\nname: slow\nsteady: [{ machines: all }]\nsteps: [{ inject: power-cut, victims: one }]\n";
    const loaded = loadScenario(text, "slow.yaml");
    expect(loaded.ok && slowed(loaded.scenario, 10).steps).toMatchObject([{ ttl: 1_200_000 }]);
  });
});
