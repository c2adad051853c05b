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
    [["idle"], "Unit idle.service does not appear to be running.\n"],
  ])("refuses %j", async (argv, err) => {
    expect(await (await cluster()).run("journal", ...argv)).toEqual({ code: 1, out: "", err });
  });
});

describe("journal of a global unit", () => {
  const legends = ["0b9fd6f8.../192.168.56.11", "5d1ee7c2.../192.168.56.12"];

  it("shows each machine's under its name", async () => {
    const setup = await cluster();
    setup.machineId = first;
    const { code, out } = await setup.run("journal", "-n", "3", "all");
    expect({ code, out }).toEqual({ code: 0, out: `${legends[0]}:\n\n${legends[1]}:\n` });
    const command = "journalctl --unit all.service --no-pager -n 3 --output short";
    expect(setup.here).toEqual([command.split(" ")]);
    expect(setup.there).toMatchObject([{ target: { host: "192.168.56.12" }, command }]);
  });

  it("goes on when a machine cannot be reached, and does not hide it", async () => {
    const setup = await cluster();
    setup.unreachable.add("192.168.56.11");
    const { code, out, err } = await setup.run("journal", "all");
    expect(code).toBe(1);
    expect(out).toContain(`${legends[1]}:\n`);
    expect(err).toBe(`${legends[0]}: core@192.168.56.11 did not answer within 10 s\n`);
  });

  it("follows all machines at once, each line marked by its machine", async () => {
    const setup = await cluster();
    setup.machineId = first;
    setup.printed = "one\ntwo\n";
    const { code, out } = await setup.run("journal", "-f", "all");
    expect(code).toBe(0);
    expect(out.trim().split("\n").toSorted()).toEqual([
      "0b9fd6f8: one",
      "0b9fd6f8: two",
      "5d1ee7c2: one",
      "5d1ee7c2: two",
    ]);
    expect([...setup.here.flat(), ...setup.there.map(({ command }) => command)].join(" ")).toMatch(
      /short -f .* short -f$/,
    );
  });

  it("leaves what is for programs as it is", async () => {
    const setup = await cluster();
    setup.printed = '{"_MACHINE_ID":"0b9f"}\n';
    expect((await setup.run("journal", "--output=json", "all")).out).toBe("");
    expect((await setup.run("journal", "--output=json", "-f", "all")).out).toBe(setup.printed.repeat(2));
  });

  it("says that it is nowhere", async () => {
    const setup = await cluster();
    await setup.fleet.setDesired("all.service", "inactive");
    const err = "Unit all.service does not appear to be running.\n";
    expect(await setup.run("journal", "all")).toEqual({ code: 1, out: "", err });
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
    [["--machine="], "Unable to proceed: one machine or unit must be provided\n"],
    [["--machine=a", "--unit=b"], "Both machine and unit flags provided, please specify only one.\n"],
  ])("refuses %j", async (argv, err) => {
    expect(await (await cluster()).run("ssh", ...argv)).toEqual({ code: 1, out: "", err });
  });

  it("names the machines of a global unit, and what to type for each", async () => {
    const setup = await cluster();
    const first = "Unable to proceed: global units unsupported\n";
    expect(await setup.run("ssh", "all")).toEqual({
      code: 1,
      out: "",
      err: `${first}all.service is on these machines; name one of them:
  0b9fd6f8.../192.168.56.11: fleetctl ssh 0b9fd6f8
  5d1ee7c2.../192.168.56.12: fleetctl ssh 5d1ee7c2
`,
    });
    await setup.fleet.setDesired("all.service", "inactive");
    expect((await setup.run("ssh", "--unit=all")).err).toBe(`${first}all.service is on no machine.\n`);
    expect(setup.there).toEqual([]);
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
