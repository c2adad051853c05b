import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import type { Bench } from "../../../test/support/fleetctl-bench.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";
const globalText = `${text}[X-Fleet]\nGlobal=true\n`;
const where = "on 0b9fd6f8.../192.168.56.11";

function withFiles(files: Record<string, string> = { "hello.service": text }): Bench {
  const setup = bench();
  for (const [path, content] of Object.entries(files)) setup.files.set(path, content);
  return setup;
}

async function stateOf(setup: Bench, name: string): Promise<string | undefined> {
  return (await setup.fleet.unit(name))?.desiredState;
}

describe("start", () => {
  it("submits a local file, starts it and says where", async () => {
    const setup = withFiles();
    expect(await setup.run("start", "hello.service")).toEqual({
      code: 0,
      out: `Unit hello.service inactive\nUnit hello.service launched ${where}\n`,
      err: "",
    });
  });

  it("finds hello.service for hello, wherever the file is", async () => {
    const setup = withFiles({ "units/hello.service": text });
    expect((await setup.run("start", "units/hello.service")).code).toBe(0);
    expect((await setup.run("start", "hello")).code).toBe(0);
  });

  it("says nothing of a unit that runs already", async () => {
    const setup = withFiles();
    await setup.run("start", "hello.service");
    expect(await setup.run("start", "hello.service")).toEqual({ code: 0, out: "", err: "" });
  });

  it("is quick when the cluster is quick", async () => {
    const setup = withFiles();
    await setup.run("start", "hello.service");
    expect(setup.clock.monotonic()).toBeLessThanOrEqual(100);
  });

  it("waits for a slow start as long as it takes", async () => {
    const setup = withFiles();
    setup.fleet.outcomes.set("hello.service", { active: "activating", sub: "start-pre" });
    const fleet = { ...setup.fleet };
    let looks = 0;
    setup.fleet.states = async (filter) => {
      if (++looks === 300) setup.fleet.outcomes.clear();
      return await fleet.states(filter);
    };
    expect((await setup.run("start", "hello.service")).code).toBe(0);
    expect(setup.clock.monotonic()).toBeGreaterThan(10_000);
  });

  it("gives up after the attempts that it was given", async () => {
    const setup = withFiles();
    setup.fleet.outcomes.set("hello.service", { active: "activating", sub: "start" });
    const { code, err } = await setup.run("start", "--block-attempts=3", "hello.service");
    expect(code).toBe(1);
    expect(err).toContain("timed out waiting for unit hello.service to report state launched");
    expect(setup.clock.monotonic()).toBeLessThan(7_000);
  });

  it("never hides a unit that fails", async () => {
    const setup = withFiles();
    setup.fleet.outcomes.set("hello.service", { active: "failed", sub: "failed" });
    const { code, err } = await setup.run("start", "hello.service");
    expect(code).toBe(1);
    expect(err).toContain("unit hello.service failed on 0b9fd6f8.../192.168.56.11 (failed/failed)");
    expect(err).toContain("fleetctl journal hello.service");
    expect((await setup.run("start", "hello.service")).code).toBe(1);
  });

  it("notices a service that ended by itself", async () => {
    const setup = withFiles();
    setup.fleet.outcomes.set("hello.service", { active: "inactive", sub: "dead" });
    expect((await setup.run("start", "hello.service")).err).toContain("is not running on");
  });

  it.each(["inactive", "activating"])("takes a oneshot that is %s for started", async (active) => {
    const setup = withFiles({ "once.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n" });
    setup.fleet.outcomes.set("once.service", { active, sub: active === "inactive" ? "dead" : "start" });
    expect((await setup.run("start", "once.service")).code).toBe(0);
  });

  it("says of each machine why it cannot run the unit, and leaves it wanted", async () => {
    const setup = withFiles();
    setup.fleet.refusals.set("hello.service", {
      summary: "no machine fits",
      reasons: [
        { machineID: "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa", why: "local Machine metadata insufficient" },
      ],
    });
    const { code, err } = await setup.run("start", "hello.service");
    expect(code).toBe(1);
    expect(err).toBe(
      [
        "Error waiting for units: unit hello.service can run on no machine: no machine fits",
        "  0b9fd6f8.../192.168.56.11: local Machine metadata insufficient",
        "It stays wanted, and starts as soon as a machine can run it.",
        "",
      ].join("\n"),
    );
    expect(await stateOf(setup, "hello.service")).toBe("launched");
    expect(setup.clock.monotonic()).toBeLessThan(1_000);
  });

  it("does not wait with --no-block, also for a unit that can run nowhere", async () => {
    const setup = withFiles();
    setup.fleet.refusals.set("hello.service", { summary: "no machine fits", reasons: [] });
    expect(await setup.run("start", "--no-block", "hello.service")).toEqual({
      code: 0,
      out: "Unit hello.service inactive\nTriggered unit hello.service start\n",
      err: "",
    });
  });

  it("never waits for a global unit", async () => {
    const setup = withFiles({ "all.service": globalText });
    expect((await setup.run("start", "all.service")).out).toContain(
      "Triggered global unit all.service start\n",
    );
  });

  describe("of a global unit", () => {
    const [one, two] = ["0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa", "5d1ee7c2bbbbbbbbbbbbbbbbbbbbbbbb"];
    const why = "local Machine metadata insufficient";
    const triggered = "Triggered global unit all.service start\n";
    const withReach = (...verdicts: ("here" | "unable")[]): Bench => {
      const setup = withFiles({ "all.service": globalText });
      setup.fleet.explanations.set("all.service", {
        unit: "all.service",
        desired: "launched",
        fate: "everywhere",
        machineID: undefined,
        summary: "it is global",
        together: [],
        machines: [one, two].map((machineID, index) => ({
          machineID,
          verdict: verdicts[index] ?? "here",
          load: 0,
          obstacles: verdicts[index] === "unable" ? [{ why, change: "" }] : [],
        })),
      });
      return setup;
    };

    it("says nothing more where it fits every machine", async () => {
      const result = await withReach("here", "here").run("start", "all.service");
      expect(result).toMatchObject({ code: 0, err: "" });
      expect(result.out.endsWith(triggered)).toBe(true);
    });

    it("says where it goes, and where not and why", async () => {
      const result = await withReach("here", "unable").run("start", "all.service");
      expect(result).toMatchObject({
        code: 0,
        err: `Unit all.service goes to ${where.slice(3)}\n  not on 5d1ee7c2.../192.168.56.12: ${why}\n`,
      });
      expect(result.out.endsWith(triggered)).toBe(true);
    });

    it("never hides that it fits nowhere", async () => {
      const setup = withReach("unable", "unable");
      const { code, err } = await setup.run("start", "all.service");
      expect(code).toBe(1);
      expect(err).toBe(
        [
          "Unit all.service can run on no machine:",
          `  not ${where}: ${why}`,
          `  not on 5d1ee7c2.../192.168.56.12: ${why}`,
          "It stays wanted, and starts as soon as a machine can run it.",
          "",
        ].join("\n"),
      );
      expect(await setup.run("start", "--no-block", "all.service")).toMatchObject({ code: 0, err: "" });
    });
  });

  it("starts many units at once", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}.service`);
    const setup = withFiles(Object.fromEntries(names.map((name) => [name, text])));
    const { code, out } = await setup.run("start", ...names);
    expect(code).toBe(0);
    expect(out.match(/launched on/g)).toHaveLength(30);
    expect(setup.clock.monotonic()).toBeLessThan(500);
  });

  it("refuses to start a template itself", async () => {
    const setup = withFiles({ "web@.service": text });
    const { code, err } = await setup.run("start", "web@.service");
    expect(code).toBe(1);
    expect(err).toBe('Error starting units: googleapi: Error 400: cannot activate template "web@.service"\n');
  });
});

describe("load and submit", () => {
  it("loads without starting", async () => {
    const setup = withFiles();
    expect((await setup.run("load", "hello.service")).out).toContain(`Unit hello.service loaded ${where}\n`);
    expect(await stateOf(setup, "hello.service")).toBe("loaded");
  });

  it("submits without scheduling", async () => {
    const setup = withFiles();
    expect((await setup.run("submit", "hello.service")).out).toBe("Unit hello.service inactive\n");
    expect(await stateOf(setup, "hello.service")).toBe("inactive");
  });

  it("warns of an X-Fleet key that nobody knows", async () => {
    const setup = withFiles({ "odd.service": `${text}[X-Fleet]\nMachineid=x\n` });
    expect((await setup.run("submit", "odd.service")).err).toContain(
      'Unit odd.service: unrecognized requirement in [X-Fleet] section: "Machineid"',
    );
  });

  it.each([
    ["submit", 0],
    ["load", 0],
    ["start", 0],
    ["verify", 2],
  ])("%s warns of metadata that no machine will ever have, and does as it is told", async (command, code) => {
    const setup = withFiles({ "big.service": `${text}[X-Fleet]\nMachineMetadata=cores>=4\n` });
    const result = await setup.run(command, "big.service");
    expect(result.code).toBe(code);
    expect(result.err).toContain(
      'WARN Unit big.service: MachineMetadata "cores>=4" asks for a key "cores>", since = is the only operator\n',
    );
  });

  it.each(["submit", "load", "start"])("%s without units does nothing", async (command) => {
    expect(await bench().run(command)).toEqual({ code: 0, out: "", err: "No units given\n" });
  });
});

describe("finding a unit's file", () => {
  it("makes instances from a template in the registry, or beside the path", async () => {
    const setup = withFiles({ "units/web@.service": text });
    expect((await setup.run("start", "units/web@1.service")).code).toBe(0);
    await setup.run("submit", "units/web@.service");
    setup.files.clear();
    expect((await setup.run("start", "web@2", "web@2.service")).code).toBe(0);
    expect(await stateOf(setup, "web@2.service")).toBe("launched");
  });

  it("takes what the registry has before any file, and warns when they differ", async () => {
    const setup = withFiles();
    await setup.run("submit", "hello.service");
    setup.files.set("hello.service", `${text}Restart=always\n`);
    const { code, err } = await setup.run("start", "hello.service");
    expect(code).toBe(0);
    expect(err).toBe(
      "WARNING: Unit hello.service in registry differs from local unit file hello.service. Add --replace to override.\n",
    );
  });

  it("replaces on demand, and only in a state that the command may touch", async () => {
    const setup = withFiles();
    await setup.run("start", "hello.service");
    expect((await setup.run("start", "--replace", "hello.service")).out).toBe(
      "Found same Unit(hello.service) in Registry, nothing to do\n",
    );
    setup.files.set("hello.service", `${text}Restart=always\n`);
    expect((await setup.run("load", "--replace", "hello.service")).err).toContain(
      "Warning: can not replace Unit(hello.service) in state 'launched', use the appropriate command\n",
    );
    expect((await setup.run("start", "--replace", "hello.service")).code).toBe(0);
    expect((await setup.run("cat", "hello.service")).out).toContain("Restart=always");
  });

  it.each([
    [["nope"], "unable to find Unit(nope.service) in Registry or on filesystem"],
    [
      ["web@1"],
      "failed getting Unit(web@1) from template: unable to find template Unit(web@.service) in Registry or on filesystem",
    ],
    [["broken.service"], "failed getting Unit(broken.service) from file: "],
    [["a%.service"], "invalid character '%' in unit name"],
    [["clash.service"], "MachineID cannot be used with Global"],
  ])("says what is wrong with %j", async (argv, message) => {
    const setup = withFiles({
      "broken.service": "[Service\n",
      "a%.service": text,
      "clash.service": `${globalText}MachineID=x\n`,
    });
    const { code, err } = await setup.run("start", ...argv);
    expect(code).toBe(1);
    expect(err).toContain(`Error creating units: ${message}`);
    expect(await setup.fleet.units()).toEqual([]);
  });
});
