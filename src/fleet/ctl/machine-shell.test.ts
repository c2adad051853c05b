import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import type { Bench } from "../../../test/support/fleetctl-bench.ts";

const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
const global = [...options, { section: "X-Fleet", name: "Global", value: "1" }];
const first = "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa";

async function cluster(): Promise<Bench> {
  const setup = bench();
  await setup.fleet.putUnit("hello.service", options, "launched");
  await setup.fleet.putUnit("idle.service", options, "inactive");
  await setup.fleet.putUnit("all.service", global, "launched");
  return setup;
}

describe("status", () => {
  it("asks systemctl here when the unit is here", async () => {
    const setup = await cluster();
    setup.machineId = first;
    setup.exit = 3;
    expect((await setup.run("status", "hello")).code).toBe(3);
    expect(setup.here).toEqual([["systemctl", "status", "-l", "hello.service"]]);
  });

  it("asks by ssh when the unit is elsewhere", async () => {
    const setup = await cluster();
    setup.machineId = "another";
    expect((await setup.run("status", "--ssh-port", "2222", "hello.service")).code).toBe(0);
    expect(setup.there).toEqual([
      { target: { host: "192.168.56.11", port: 2222 }, command: "systemctl status -l hello.service" },
    ]);
  });

  it("asks each machine of a global unit", async () => {
    const setup = await cluster();
    const { code, out } = await setup.run("status", "all.service");
    expect(code).toBe(0);
    expect(setup.there.map(({ target }) => target.host)).toEqual(["192.168.56.11", "192.168.56.12"]);
    expect(out).toBe("0b9fd6f8.../192.168.56.11:\n\n5d1ee7c2.../192.168.56.12:\n");
  });

  it.each([
    ["nope", "Unit nope.service does not exist.\n"],
    ["idle", "Unit idle.service does not appear to be loaded.\n"],
  ])("says that %s is nowhere", async (unit, err) => {
    expect(await (await cluster()).run("status", unit)).toEqual({ code: 1, out: "", err });
  });
});

describe("journal", () => {
  it.each([
    [["hello"], "journalctl --unit hello.service --no-pager -n 10 --output short"],
    [["-f", "hello"], "journalctl --unit hello.service --no-pager -n 10 --output short -f"],
    [
      ["--sudo", "--lines=5", "--output", "json", "hello"],
      "sudo journalctl --unit hello.service --no-pager -n 5 --output json",
    ],
  ])("%j", async (argv, command) => {
    const setup = await cluster();
    await setup.run("journal", ...argv);
    expect(setup.there).toMatchObject([{ command }]);
  });

  it.each([
    [[], "One unit file must be provided.\n"],
    [["nope"], "Unit nope.service does not exist.\n"],
    [["all"], "Unable to retrieve journal of global unit all.service.\n"],
    [["idle"], "Unit idle.service does not appear to be running.\n"],
  ])("refuses %j", async (argv, err) => {
    expect(await (await cluster()).run("journal", ...argv)).toEqual({ code: 1, out: "", err });
  });
});

describe("ssh", () => {
  it.each([
    [["0b9fd6f8"], undefined],
    [["hello"], undefined],
    [["--unit", "hello.service"], undefined],
    [["0b9f", "docker", "ps", "-a"], "docker ps -a"],
    [["--machine", "0b9f", "docker ps | wc -l"], "docker ps | wc -l"],
    [["0b9f", "--", "echo", "a b"], "echo 'a b'"],
  ])("%j", async (argv, command) => {
    const setup = await cluster();
    setup.exit = 4;
    expect((await setup.run("ssh", ...argv)).code).toBe(4);
    expect(setup.there).toMatchObject([{ target: { host: "192.168.56.11", port: 22 }, command }]);
  });

  it("forwards the agent with -A", async () => {
    const setup = await cluster();
    await setup.run("ssh", "-A", "0b9f");
    expect(setup.there).toMatchObject([{ target: { forwardAgent: true } }]);
  });

  it.each([
    [[], "Unable to proceed: one machine or unit must be provided\n"],
    [["zzz"], "Unable to proceed: could not find matching unit or machine\n"],
    [["--machine=zzz"], "Unable to proceed: machine does not exist\n"],
    [["--unit=zzz"], "Unable to proceed: unit does not exist\n"],
    [["--unit=all"], "Unable to proceed: global units unsupported\n"],
    [["--machine="], "Unable to proceed: one machine or unit must be provided\n"],
    [["--machine=a", "--unit=b"], "Both machine and unit flags provided, please specify only one.\n"],
  ])("refuses %j", async (argv, err) => {
    expect(await (await cluster()).run("ssh", ...argv)).toEqual({ code: 1, out: "", err });
  });

  it("refuses a beginning that several machines share, and a word that means both", async () => {
    const setup = await cluster();
    setup.fleet.machineList.push({ id: "0b9f1111", primaryIP: "192.168.56.13", metadata: {} });
    expect((await setup.run("ssh", "0b9f")).err).toBe("Unable to proceed: found more than one machine\n");
    await setup.fleet.putUnit("5d.service", options, "launched");
    expect((await setup.run("ssh", "5d")).err).toContain(
      "ambiguous argument, both machine and unit found for",
    );
  });

  it("says that a machine has no address", async () => {
    const setup = await cluster();
    setup.fleet.machineList.push({ id: "77777777", primaryIP: "", metadata: {} });
    expect((await setup.run("ssh", "7777")).err).toBe("Could not determine address of machine.\n");
  });
});

describe("cat", () => {
  it("prints the unit file as the registry holds it", async () => {
    expect(await (await cluster()).run("cat", "hello")).toEqual({
      code: 0,
      out: "[Service]\nExecStart=/bin/sleep 100\n",
      err: "",
    });
  });

  it.each([
    [[], "One unit file must be provided\n"],
    [["nope"], "Unit nope.service not found\n"],
  ])("refuses %j", async (argv, err) => {
    expect(await (await cluster()).run("cat", ...argv)).toEqual({ code: 1, out: "", err });
  });
});
