import { describe, expect, it } from "vitest";
import { bench, type Bench } from "../../../test/support/fleetctl-bench.ts";
import type { ApiExplanation, ApiUnit, ApiUnitState } from "../api/client.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";
const where = "0b9fd6f8.../192.168.56.11";

/** What the cluster shows of every unit, whatever is asked of it. */
interface Shown {
  readonly unit?: Partial<ApiUnit>;
  readonly state?: Partial<ApiUnitState>;
  readonly explanation?: Partial<ApiExplanation>;
}

/** A cluster that shows at each look (the first is 1) what the test says, and otherwise what it should. */
function showing(
  names: readonly string[],
  show: (look: number) => Shown,
): { setup: Bench; explained: string[] } {
  const setup = bench();
  for (const name of names) setup.files.set(name, text);
  const fleet = { ...setup.fleet };
  const explained: string[] = [];
  let shown: Shown = {};
  let looks = 0;
  let known = false;
  const bend = (unit: ApiUnit): ApiUnit => ({ ...unit, ...shown.unit });
  const next = (unit: ApiUnit | undefined): void => {
    known ||= unit !== undefined;
    if (known) shown = show(++looks);
  };
  setup.fleet.unit = async (name) => {
    const unit = await fleet.unit(name);
    next(unit);
    return unit && bend(unit);
  };
  setup.fleet.units = async () => {
    const units = await fleet.units();
    next(units[0]);
    return units.map(bend);
  };
  setup.fleet.states = async (filter) => {
    const states = await fleet.states(filter);
    if (shown.unit?.currentState === "inactive") return [];
    return states.map((state) => ({ ...state, ...shown.state }));
  };
  setup.fleet.explain = async (name) => {
    explained.push(name);
    return shown.explanation as ApiExplanation | undefined;
  };
  return { setup, explained };
}

const nowhere = { currentState: "inactive", machineID: "" } as const;
const undecided = { fate: "undecided", summary: "no engine leads the cluster", machines: [] } as const;

describe("a start that does not come any nearer", () => {
  it("says after 3 s what the unit waits for, once, and goes on waiting", async () => {
    const { setup, explained } = showing(["a.service"], (look) =>
      look < 80 ? { unit: nowhere, explanation: undecided } : {},
    );
    expect(await setup.run("start", "a.service")).toEqual({
      code: 0,
      out: `Unit a.service inactive\nUnit a.service launched on ${where}\n`,
      err: "Waiting for unit a.service: no engine leads the cluster\n",
    });
    expect(explained).toEqual(["a.service"]);
  });

  it.each([
    [{ ...undecided, holdingFor: 9_000 }, "more than half of the machines vanished at once"],
    [undefined, "it is on no machine yet"],
  ])("knows %j", async (explanation, words) => {
    const { setup } = showing(["a.service"], (look) =>
      look < 80 ? { unit: nowhere, ...(explanation && { explanation }) } : {},
    );
    expect((await setup.run("start", "a.service")).err).toContain(`Waiting for unit a.service: ${words}`);
  });

  it.each<[string, Shown]>([
    [
      `${where} has yet to load it`,
      { unit: { currentState: "inactive", machineID: "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa" } },
    ],
    [
      "Machine(x) is not registered now",
      {
        unit: { currentState: "inactive", machineID: "x" },
        explanation: { summary: "Machine(x) is not registered now", machines: [] },
      },
    ],
    [
      `systemd on ${where} has yet to start it`,
      { unit: { currentState: "loaded" }, state: { active: "inactive", sub: "dead" } },
    ],
    [
      `it is still stopping on ${where}`,
      { unit: { currentState: "loaded" }, state: { active: "deactivating" } },
    ],
  ])("says that %s", async (words, shown) => {
    const { setup } = showing(["a.service"], (look) => (look < 80 ? shown : {}));
    expect((await setup.run("start", "a.service")).err).toBe(`Waiting for unit a.service: ${words}\n`);
  });

  it("explains a few of many units, and asks the server no more than that", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}.service`);
    const { setup, explained } = showing(names, (look) =>
      look < 80 ? { unit: nowhere, explanation: undecided } : {},
    );
    const { code, err } = await setup.run("start", ...names);
    expect(code).toBe(0);
    expect(err.match(/no engine leads the cluster/g)).toHaveLength(3);
    expect(err).toContain("Waiting for 27 more units\n");
    expect(explained).toHaveLength(3);
  });

  it("says nothing as long as one unit after the other comes", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}.service`);
    const { setup, explained } = showing(names, () => ({ explanation: undecided }));
    const bent = { ...setup.fleet };
    setup.fleet.units = async () =>
      (await bent.units()).map((unit, index) =>
        setup.clock.monotonic() < index * 1_000 ? { ...unit, ...nowhere } : unit,
      );
    expect(await setup.run("start", ...names)).toMatchObject({ code: 0, err: "" });
    expect(setup.clock.monotonic()).toBeGreaterThan(20_000);
    expect(explained).toEqual([]);
  });

  it("says nothing of a service that takes its time, nor of one that stops slowly", async () => {
    const { setup } = showing(["a.service"], (look) =>
      look < 80 ? { state: { active: "activating" } } : {},
    );
    expect((await setup.run("start", "a.service")).err).toBe("");
    const slow = showing(["a.service"], (look) => (look < 80 ? { unit: { currentState: "launched" } } : {}));
    await slow.setup.run("start", "--no-block", "a.service");
    expect((await slow.setup.run("stop", "a.service")).err).toBe("Successfully stopped units [a.service].\n");
  });
});

describe("a unit that its machine cannot install", () => {
  it.each(["start", "load"])("ends a %s, and says where to look", async (command) => {
    const { setup } = showing(["a.service"], () => ({
      state: { load: "error", active: "failed", sub: "failed" },
    }));
    expect(await setup.run(command, "a.service")).toMatchObject({
      code: 1,
      err:
        `Error waiting for units: unit a.service cannot be installed on ${where}\n` +
        "Hint: 'fleetctl ssh 0b9fd6f8 journalctl -u fleet' says why; it is tried again from time to time\n",
    });
    expect(setup.clock.monotonic()).toBeLessThan(1_000);
    expect((await setup.run("stop", "a.service")).code).toBe(0);
  });
});

describe("a service that ends at once", () => {
  it("has started when it was seen active first", async () => {
    const { setup } = showing(["a.service"], (look) => (look > 1 ? { state: { active: "failed" } } : {}));
    expect((await setup.run("start", "a.service")).code).toBe(0);
    expect((await setup.run("start", "a.service")).code).toBe(1);
  });
});

describe("a unit that systemd restarts over and over", () => {
  const restarting = { active: "activating", sub: "auto-restart" };

  it("fails after 5 s", async () => {
    const { setup } = showing(["a.service"], () => ({ state: restarting }));
    const { code, err } = await setup.run("start", "a.service");
    expect([code, err]).toEqual([1, expect.stringContaining(`failed on ${where} (activating/auto-restart)`)]);
    expect(setup.clock.monotonic()).toBeGreaterThanOrEqual(5_000);
    expect(setup.clock.monotonic()).toBeLessThan(6_000);
  });

  it("has those 5 s anew after each start, and has started once it runs", async () => {
    const { setup } = showing(["a.service"], () => {
      const now = setup.clock.monotonic();
      if (now > 12_000) return {};
      return { state: now > 4_000 && now < 4_500 ? { active: "activating", sub: "start" } : restarting };
    });
    expect(await setup.run("start", "--block-attempts=5", "a.service")).toMatchObject({ code: 1 });
    expect(setup.clock.monotonic()).toBeGreaterThanOrEqual(9_000);
    const { setup: brief } = showing(["a.service"], () =>
      brief.clock.monotonic() < 4_500 ? { state: restarting } : {},
    );
    expect(await brief.run("start", "a.service")).toMatchObject({ code: 0, err: "" });
  });
});
