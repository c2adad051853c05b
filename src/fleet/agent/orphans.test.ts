import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentStage, settle, type AgentStage } from "../../../test/support/agent-stage.ts";
import { unitFiles } from "../../../test/support/systemd-contract.ts";
import { lineLog } from "../../foundation/log.ts";
import type { Unit } from "../model.ts";
import { createOrphans } from "./orphans.ts";

describe("the agent, when etcd has lost the registry", () => {
  let stage: AgentStage;

  beforeEach(async () => {
    stage = await agentStage();
    await stage.begin();
    await stage.run("a.service", unitFiles.sleeper, "launched");
    await stage.run("b.service", unitFiles.sleeper, "launched");
    stage.registry.wipe();
    await stage.rejoin();
  });
  afterEach(() => stage.close());

  const begun = ["install a.service", "start a.service", "install b.service", "start b.service"];

  it("leaves what runs alone, and publishes it", async () => {
    expect(stage.systemd.calls).toEqual(begun);
    expect(stage.published("a.service")).toMatchObject({ active: "active", reached: "launched" });
  });

  it("does what the registry says of a unit as soon as it knows that again, and of no other", async () => {
    await stage.submit("a.service", unitFiles.sleeper, "inactive");
    expect(await stage.active("a.service")).toBe("inactive");
    expect(stage.published("a.service")).toBeUndefined();
    expect(await stage.active("b.service")).toBe("active");
  });

  it("stops them when fleetd leaves", async () => {
    const limits = { stopWithin: 1_000, stopAloneWithin: 1_000, tellWithin: 1_000 };
    await stage.agent.leave(stage.session, limits);
    await settle();
    expect(await stage.systemd.list()).toEqual([]);
  });
});

describe("which units are orphans", () => {
  const unit = (name: string): [string, Unit] => [name, { name, options: [], desired: "launched" }];
  const mirror = (origin: string | undefined, ...known: string[]) => ({
    origin,
    snapshot: { units: new Map(known.map(unit)) },
  });
  const setup = (origin: string | undefined) => {
    const [kept, lines]: [string[], string[]] = [[], []];
    const orphans = createOrphans({
      origin,
      keepOrigin: async (now) => void kept.push(now),
      log: lineLog({ write: (line) => lines.push(line), level: "info", style: "plain" }),
    });
    const among = (local: string[], now: ReturnType<typeof mirror>): string[] => [
      ...orphans.among(local, now as unknown as Parameters<typeof orphans.among>[1]),
    ];
    return { kept, lines, among };
  };

  it("has none while the registry is the same, or the first that it sees", () => {
    for (const origin of ["one", undefined]) {
      const { among, lines } = setup(origin);
      expect(among(["a", "b"], mirror("one", "a"))).toEqual([]);
      expect(among(["a", "b"], mirror("one"))).toEqual([]);
      expect(lines).toEqual([]);
    }
  });

  it("finds them after a restart too, until none is left", () => {
    const { among, kept, lines } = setup("one");
    expect(among(["a", "b", "c"], mirror("two", "a"))).toEqual(["b", "c"]);
    expect(lines.join()).toContain('units="b c"');
    expect(among(["a", "b", "d"], mirror("two", "a", "d"))).toEqual(["b"]);
    expect(kept).toEqual([]);
    expect(among(["a", "b", "d"], mirror("two", "a", "b"))).toEqual([]);
    expect(kept).toEqual(["two"]);
    expect(among(["a", "b", "d"], mirror("two"))).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  it("takes a registry that has lost its name for another one, and one that gets a name for the same", () => {
    const { among } = setup("one");
    expect(among(["a"], mirror(undefined))).toEqual(["a"]);
    expect(among(["a", "b"], mirror("two"))).toEqual(["a"]);
  });
});
