import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import type { Bench } from "../../../test/support/fleetctl-bench.ts";

const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
const global = [...options, { section: "X-Fleet", name: "Global", value: "yes" }];

async function running(...names: string[]): Promise<Bench> {
  const setup = bench();
  for (const name of names) await setup.fleet.putUnit(name, options, "launched");
  return setup;
}

describe("stop", () => {
  it("stops units and leaves them loaded", async () => {
    const setup = await running("a.service", "b.service");
    const result = await setup.run("stop", "a", "b");
    expect(result).toMatchObject({ code: 0, err: "Successfully stopped units [a.service b.service].\n" });
    expect(result.out).toContain("Unit a.service loaded on 0b9fd6f8.../192.168.56.11\n");
  });

  it("waits for a service that takes its time to stop", async () => {
    const setup = await running("a.service");
    const left = await setup.fleet.states();
    let looks = 0;
    setup.fleet.states = async () =>
      left.map((state) => ({ ...state, active: ++looks < 5 ? "deactivating" : "inactive" }));
    expect((await setup.run("stop", "a")).code).toBe(0);
    expect(looks).toBe(5);
  });

  it("does not stop what is not scheduled", async () => {
    const setup = bench();
    await setup.fleet.putUnit("a.service", options, "inactive");
    expect(await setup.run("stop", "a.service")).toMatchObject({
      code: 1,
      err: "Unable to stop unit a.service in state inactive\n",
    });
  });

  it("stops a global unit without waiting", async () => {
    const setup = bench();
    await setup.fleet.putUnit("g.service", global, "launched");
    expect(await setup.run("stop", "g.service")).toEqual({
      code: 0,
      out: "Triggered global unit g.service stop\n",
      err: "",
    });
  });

  it("asks for the units that it names, never for all of them", async () => {
    const setup = await running("a.service", "b.service");
    setup.fleet.units = async () => {
      throw new Error("fleetctl has read the whole registry");
    };
    expect((await setup.run("stop", "a.service", "b.service")).code).toBe(0);
    expect((await setup.run("unload", "a.service")).code).toBe(0);
    expect((await setup.run("destroy", "a.service")).code).toBe(0);
  });

  it("passes over what is stopped already", async () => {
    const setup = bench();
    await setup.fleet.putUnit("a.service", options, "loaded");
    expect(await setup.run("stop", "a.service")).toEqual({ code: 0, out: "", err: "" });
  });
});

describe("unload", () => {
  it("takes a unit off its machine", async () => {
    const setup = await running("a.service");
    expect(await setup.run("unload", "a.service")).toEqual({
      code: 0,
      out: "Unit a.service inactive\n",
      err: "Successfully unloaded units [a.service].\n",
    });
  });

  it("waits until no machine shows the unit any more", async () => {
    const setup = await running("a.service");
    const left = await setup.fleet.states();
    let looks = 0;
    setup.fleet.states = async () => (++looks < 5 ? left : []);
    expect((await setup.run("unload", "a")).code).toBe(0);
    expect(looks).toBe(5);
  });

  it("gives up on a unit that still waits for a machine", async () => {
    const setup = await running("a.service");
    setup.fleet.refusals.set("a.service", { summary: "no machine fits", reasons: [] });
    expect((await setup.run("unload", "a.service")).code).toBe(0);
    expect((await setup.fleet.unit("a.service"))?.desiredState).toBe("inactive");
  });

  it("does not wait with --no-block", async () => {
    const setup = await running("a.service");
    expect(await setup.run("unload", "--no-block", "a.service")).toEqual({
      code: 0,
      out: "Triggered unit a.service unload\n",
      err: "",
    });
  });
});

describe("destroy", () => {
  it("removes units and says so", async () => {
    const setup = await running("a.service", "b.service");
    expect(await setup.run("destroy", "a", "b")).toEqual({
      code: 0,
      out: "Destroyed a.service\nDestroyed b.service\n",
      err: "",
    });
    expect(await setup.fleet.units()).toEqual([]);
  });

  it("waits until no machine shows the unit any more", async () => {
    const setup = await running("a.service");
    const left = await setup.fleet.states();
    let looks = 0;
    setup.fleet.states = async () => (++looks < 5 ? left : []);
    expect((await setup.run("destroy", "a")).code).toBe(0);
    expect(looks).toBe(5);
  });

  it("does not wait with --no-block", async () => {
    const setup = await running("a.service");
    const left = await setup.fleet.states();
    setup.fleet.states = async () => left;
    expect((await setup.run("destroy", "--no-block", "a")).out).toBe("Destroyed a.service\n");
  });
});

describe("commands on units that are not there", () => {
  it.each(["stop", "unload", "destroy"])("%s says so and exits 0", async (command) => {
    expect(await bench().run(command, "nope")).toEqual({
      code: 0,
      out: "",
      err: "Units not found in registry\n",
    });
  });

  it.each(["stop", "unload", "destroy"])("%s passes them over beside others", async (command) => {
    const setup = await running("a.service");
    expect((await setup.run(command, "nope", "a.service")).code).toBe(0);
  });

  it.each(["stop", "unload", "destroy", "restart"])("%s without units does nothing", async (command) => {
    expect(await bench().run(command)).toEqual({ code: 0, out: "", err: "No units given\n" });
  });
});

describe("restart", () => {
  it("stops the unit before it starts it again", async () => {
    const setup = await running("a.service");
    const asked: string[] = [];
    const fleet = { ...setup.fleet };
    setup.fleet.setDesired = async (name, state) => {
      asked.push(state);
      await fleet.setDesired(name, state);
    };
    const result = await setup.run("restart", "a.service");
    expect(result).toMatchObject({ code: 0, err: "Unit(a.service) was restarted.\n" });
    expect(asked).toEqual(["loaded", "launched"]);
    expect(result.out).toMatch(/loaded on .*\n.*launched on /);
  });

  it("leaves a unit alone that is not scheduled", async () => {
    const setup = bench();
    await setup.fleet.putUnit("a.service", options, "inactive");
    expect(await setup.run("restart", "a")).toEqual({
      code: 0,
      out: "",
      err: "Unable to restart unit a.service in state inactive\n",
    });
  });

  it("restarts a global unit on each of its machines", async () => {
    const setup = bench();
    setup.machineId = "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa";
    await setup.fleet.putUnit("g.service", global, "launched");
    expect((await setup.run("restart", "g.service")).code).toBe(0);
    expect(setup.here).toEqual([["sudo", "systemctl", "restart", "g.service"]]);
    expect(setup.there).toMatchObject([
      { target: { host: "192.168.56.12", port: 22 }, command: "sudo systemctl restart g.service" },
    ]);
  });

  it("never says that a global unit was restarted that is on no machine", async () => {
    const setup = bench();
    await setup.fleet.putUnit("g.service", global, "inactive");
    const because = "Unable to restart unit g.service in state";
    expect(await setup.run("restart", "g.service")).toEqual({
      code: 1,
      out: "",
      err: `${because} inactive\n`,
    });
    await setup.fleet.setDesired("g.service", "launched");
    setup.fleet.machineList.length = 0;
    const launched = await setup.run("restart", "g.service");
    expect(launched).toEqual({ code: 1, out: "", err: `${because} launched: it is on no machine\n` });
    expect([...setup.here, ...setup.there]).toEqual([]);
  });

  it("starts a stopped global unit by its target state, not behind its back", async () => {
    const setup = bench();
    await setup.fleet.putUnit("g.service", global, "loaded");
    const result = await setup.run("restart", "g.service");
    expect(result).toEqual({ code: 0, out: "Triggered global unit g.service start\n", err: "" });
    expect((await setup.fleet.unit("g.service"))?.desiredState).toBe("launched");
    expect([...setup.here, ...setup.there]).toEqual([]);
  });
});
