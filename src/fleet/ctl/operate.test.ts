import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import { commands, findCommand } from "./commands.ts";

const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

describe("drain", () => {
  it("moves what is on the machine and says where each unit went", async () => {
    const setup = bench();
    for (const name of ["a.service", "b.service"]) await setup.fleet.putUnit(name, options, "launched");
    expect(await setup.run("drain", "0b9f")).toEqual({
      code: 0,
      out: [
        "Machine 0b9fd6f8.../192.168.56.11 takes no units",
        "Unit a.service launched on 5d1ee7c2.../192.168.56.12",
        "Unit b.service launched on 5d1ee7c2.../192.168.56.12",
        "",
      ].join("\n"),
      err: "Machine 0b9fd6f8.../192.168.56.11 is drained.\n",
    });
  });

  it("takes an address for a machine's name, and does not wait when told so", async () => {
    const setup = bench();
    const result = await setup.run("drain", "--no-block", "192.168.56.12");
    expect(result).toEqual({ code: 0, out: "Machine 5d1ee7c2.../192.168.56.12 takes no units\n", err: "" });
    expect([...setup.fleet.cordoned]).toEqual([setup.fleet.machineList[1]?.id]);
  });

  it("says which unit can run nowhere else", async () => {
    const setup = bench();
    await setup.fleet.putUnit("a.service", options, "launched");
    setup.fleet.cordon = async () => {
      setup.fleet.refusals.set("a.service", { summary: "no room", reasons: [] });
      return true;
    };
    const { code, err } = await setup.run("drain", "0b9f");
    expect(code).toBe(0);
    expect(err).toContain("Unit a.service can run on no other machine: no room\n");
  });

  it("gives up after so many attempts, naming the units that stay", async () => {
    const setup = bench();
    await setup.fleet.putUnit("a.service", options, "launched");
    setup.fleet.cordon = async () => true;
    const result = await setup.run("drain", "--block-attempts=2", "0b9f");
    expect(result).toMatchObject({
      code: 1,
      err:
        "Error waiting for units: timed out waiting for a.service to move\n" +
        "Hint: the machines still take no units; 'fleetctl uncordon 0b9f' changes that\n",
    });
  });

  it.each([
    [["drain"], "No machines given\n"],
    [["drain", "ffff"], "There is no machine ffff\n"],
    [["drain", ""], " is more than one machine\n"],
    [["uncordon", "ffff"], "There is no machine ffff\n"],
  ])("%j", async (argv, err) => {
    expect(await bench().run(...argv)).toEqual({ code: 1, out: "", err });
  });
});

describe("uncordon", () => {
  it("lets a machine take units again, also one that is off", async () => {
    const setup = bench();
    await setup.run("drain", "5d1e");
    expect((await setup.run("uncordon", "5d1e")).out).toBe(
      "Machine 5d1ee7c2.../192.168.56.12 takes units again\n",
    );
    expect((await setup.run("uncordon", "5d1e")).out).toBe(
      "Machine 5d1ee7c2.../192.168.56.12 was not cordoned\n",
    );
    setup.fleet.cordoned.add("feedfeedfeedfeedfeedfeedfeedfeed");
    expect((await setup.run("uncordon", "feed")).out).toBe("Machine feedfeed... takes units again\n");
  });
});

describe("explain", () => {
  it("says why, and machine by machine what would have to change", async () => {
    const setup = bench();
    const [one, two] = setup.fleet.machineList.map(({ id }) => id);
    setup.fleet.explanations.set("a.service", {
      unit: "a.service",
      desired: "launched",
      fate: "refused",
      machineID: undefined,
      summary: "no machine can run it",
      together: ["a.service", "b.service"],
      machines: [
        {
          machineID: one ?? "",
          verdict: "unable",
          load: 2,
          obstacles: [{ why: "local Machine metadata insufficient", change: "it has no disk" }],
        },
        { machineID: two ?? "", verdict: "able", load: 1, obstacles: [] },
      ],
      holdingFor: 9_200,
    });
    expect(await setup.run("explain", "a")).toEqual({
      code: 0,
      err: "",
      out: `Unit a.service (target state launched): on no machine
  because: no machine can run it
  together with: b.service
  more than half of the machines vanished at once: nothing is moved for another 10 s
  0b9fd6f8.../192.168.56.11: cannot run it
      local Machine metadata insufficient
        -> it has no disk
  5d1ee7c2.../192.168.56.12: could run it (1 unit)
`,
    });
    expect(JSON.parse((await setup.run("explain", "--json", "a")).out)).toMatchObject([{ fate: "refused" }]);
  });

  it("fails for a unit that does not exist", async () => {
    expect(await bench().run("explain", "none")).toEqual({
      code: 1,
      out: "",
      err: "Unit none.service does not exist.\n",
    });
  });
});

describe("commands that fleet 1.0 did not have", () => {
  it("never take a unique beginning away from those it had", () => {
    const old = commands.filter(({ added }) => added !== true).map(({ name }) => name);
    for (const name of old) {
      for (let length = 1; length <= name.length; length++) {
        const beginning = name.slice(0, length);
        const meant = old.filter((other) => other.startsWith(beginning));
        const expected = old.includes(beginning) ? beginning : meant.length === 1 ? meant[0] : undefined;
        expect(findCommand(beginning)?.name, beginning).toBe(expected);
      }
    }
    expect(findCommand("d")?.name).toBe("destroy");
    expect(findCommand("dr")?.name).toBe("drain");
    expect(findCommand("un")?.name).toBe("unload");
    expect(findCommand("unc")?.name).toBe("uncordon");
    expect(findCommand("e")?.name).toBe("explain");
  });
});
