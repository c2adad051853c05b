import { describe, expect, it } from "vitest";
import { AppError } from "../../foundation/errors.ts";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import type { Bench } from "../../../test/support/fleetctl-bench.ts";
import type { UnitOption } from "../model.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";
const newer = `${text}Restart=always\n`;
const where = "on 0b9fd6f8.../192.168.56.11";
const optionsOf = (value: string): UnitOption[] => [{ section: "Service", name: "ExecStart", value }];

/** Units that run, with a new version of each on disk. */
async function outdated(names: readonly string[], state: "loaded" | "launched" = "launched"): Promise<Bench> {
  const setup = bench();
  for (const name of names) {
    await setup.fleet.putUnit(name, optionsOf("/bin/sleep 100"), state);
    setup.files.set(name, newer);
  }
  return setup;
}

/** What is asked of the cluster from now on, in its order, and when a unit's machine is looked at. */
function asked(setup: Bench): string[] {
  const log: string[] = [];
  const fleet = { ...setup.fleet };
  setup.fleet.putUnit = async (name, options, desired) => {
    log.push(`put ${name} ${desired}`);
    await fleet.putUnit(name, options, desired);
  };
  setup.fleet.setDesired = async (name, desired) => {
    log.push(`set ${name} ${desired}`);
    await fleet.setDesired(name, desired);
  };
  setup.fleet.states = async (filter) => {
    const look = `look at ${filter?.unitName ?? "all"}`;
    if (log.at(-1) !== look) log.push(look);
    return await fleet.states(filter);
  };
  return log;
}

describe("start --replace", () => {
  it("replaces a running unit in place and waits until its new version runs", async () => {
    const setup = await outdated(["a.service"]);
    setup.fleet.lag = 40;
    const log = asked(setup);
    expect(await setup.run("start", "--replace", "a.service")).toEqual({
      code: 0,
      out: `Unit a.service launched ${where}\n`,
      err: "",
    });
    expect(log).toEqual(["put a.service launched", "look at a.service"]);
    expect(setup.clock.monotonic()).toBeGreaterThan(900);
  });

  it("never takes the old version, which runs on for a moment, for a new one that fails", async () => {
    const setup = await outdated(["a.service"]);
    const before = await setup.fleet.states();
    const fleet = { ...setup.fleet };
    let looks = 0;
    setup.fleet.states = async () => (++looks < 5 ? before : await fleet.states());
    setup.fleet.outcomes.set("a.service", { active: "failed", sub: "failed" });
    const { code, out, err } = await setup.run("start", "--replace", "a.service");
    expect([code, out]).toEqual([1, `Unit a.service launched ${where}\n`]);
    expect(err).toContain(`unit a.service failed ${where} (failed/failed)`);
  });

  it("replaces several running units one after the other", async () => {
    const setup = await outdated(["a.service", "b.service", "c.service"]);
    const log = asked(setup);
    expect((await setup.run("start", "--replace", "c.service", "a.service", "b.service")).code).toBe(0);
    expect(log).toEqual(
      ["c", "a", "b"].flatMap((name) => [`put ${name}.service launched`, `look at ${name}.service`]),
    );
  });

  it("touches no more units when a new version does not run, and names them", async () => {
    const setup = await outdated(["a.service", "b.service", "c.service", "d.service"]);
    setup.fleet.outcomes.set("b.service", { active: "failed", sub: "failed" });
    const { code, err } = await setup.run(
      "start",
      "--replace",
      "a.service",
      "b.service",
      "c.service",
      "d.service",
    );
    expect(code).toBe(1);
    expect(err).toContain(`unit b.service failed ${where} (failed/failed)\n`);
    expect(err).toContain("Not replaced, since b.service does not run: c.service, d.service\n");
    expect((await setup.fleet.unit("a.service"))?.options).toHaveLength(2);
    expect((await setup.fleet.unit("c.service"))?.options).toHaveLength(1);
  });

  it("names those that it did not reach also when the cluster refuses one", async () => {
    const setup = await outdated(["a.service", "b.service"]);
    setup.fleet.putUnit = async () => {
      throw new AppError("E_FLEET_API", "googleapi: Error 500: no");
    };
    expect(await setup.run("start", "--replace", "a.service", "b.service")).toEqual({
      code: 1,
      out: "",
      err:
        "Error starting units: failed creating unit a.service: googleapi: Error 500: no\n" +
        "Not replaced, since a.service does not run: b.service\n",
    });
  });

  it("starts all at once what does not run yet, and replaces all at once with --no-block", async () => {
    const setup = await outdated(["a.service", "b.service"], "loaded");
    const log = asked(setup);
    expect((await setup.run("start", "--replace", "a.service", "b.service")).code).toBe(0);
    expect(log.slice(0, 2)).toEqual(["put a.service launched", "put b.service launched"]);
    for (const name of ["a.service", "b.service"]) setup.files.set(name, `${newer}RestartSec=1\n`);
    log.length = 0;
    expect(await setup.run("start", "--replace", "--no-block", "a.service", "b.service")).toEqual({
      code: 0,
      out: "Triggered unit a.service start\nTriggered unit b.service start\n",
      err: "",
    });
    expect(log).toEqual(["put a.service launched", "put b.service launched"]);
  });

  it("replaces none when one of the files is wrong", async () => {
    const setup = await outdated(["a.service", "b.service"]);
    setup.files.set("b.service", `${text}[X-Fleet]\nGlobal=true\nMachineID=x\n`);
    const log = asked(setup);
    expect((await setup.run("start", "--replace", "a.service", "b.service")).err).toContain(
      "Error creating units: MachineID cannot be used with Global",
    );
    expect(log).toEqual([]);
  });

  it("says so when somebody else replaces the unit at the same time", async () => {
    const setup = await outdated(["a.service"]);
    const fleet = { ...setup.fleet };
    setup.fleet.putUnit = async (name) => await fleet.putUnit(name, optionsOf("/bin/other"), "launched");
    expect(await setup.run("start", "--replace", "a.service")).toMatchObject({
      code: 1,
      err: "Error waiting for units: unit a.service was replaced by somebody else meanwhile\n",
    });
  });
});

describe("load --replace and submit --replace", () => {
  it("waits until the machine has the new version", async () => {
    const setup = await outdated(["a.service"], "loaded");
    setup.fleet.lag = 40;
    expect((await setup.run("load", "--replace", "a.service")).out).toBe(`Unit a.service loaded ${where}\n`);
    expect(setup.clock.monotonic()).toBeGreaterThan(900);
  });

  it("changes a template, and an instance only when that is named", async () => {
    const setup = bench();
    setup.files.set("web@.service", text);
    await setup.run("submit", "web@.service", "web@1.service");
    setup.files.set("web@.service", newer);
    await setup.run("submit", "--replace", "web@.service");
    expect((await setup.fleet.unit("web@.service"))?.options).toHaveLength(2);
    expect((await setup.fleet.unit("web@1.service"))?.options).toHaveLength(1);
    await setup.run("submit", "--replace", "web@1.service");
    expect((await setup.fleet.unit("web@1.service"))?.options).toHaveLength(2);
  });
});
