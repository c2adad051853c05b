import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import type { Bench } from "../../../test/support/fleetctl-bench.ts";

const hello = [
  { section: "Unit", name: "Description", value: "says hello" },
  { section: "Service", name: "ExecStart", value: "/bin/sleep 100" },
];
const everywhere = [...hello, { section: "X-Fleet", name: "Global", value: "true" }];

async function withUnits(): Promise<Bench> {
  const setup = bench();
  await setup.fleet.putUnit("hello.service", hello, "launched");
  await setup.fleet.putUnit("global.service", everywhere, "launched");
  await setup.fleet.putUnit("idle.service", hello, "inactive");
  return setup;
}

describe("list-machines", () => {
  it("shows short ids, addresses and sorted metadata", async () => {
    expect((await bench().run("list-machines")).out).toBe(
      [
        "MACHINE\t\tIP\t\tMETADATA",
        "0b9fd6f8...\t192.168.56.11\tregion=local",
        "5d1ee7c2...\t192.168.56.12\t-",
        "",
      ].join("\n"),
    );
  });

  it.each(["--full", "-l", "--l"])("shows whole ids with %s", async (option) => {
    const { out } = await bench().run("list-machines", option, "--no-legend", "--fields=machine");
    expect(out).toBe("0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa\n5d1ee7c2bbbbbbbbbbbbbbbbbbbbbbbb\n");
  });

  it("gives whole values as JSON", async () => {
    const { out } = await bench().run("list-machines", "--json");
    expect(JSON.parse(out)).toEqual([
      { machine: "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa", ip: "192.168.56.11", metadata: { region: "local" } },
      { machine: "5d1ee7c2bbbbbbbbbbbbbbbbbbbbbbbb", ip: "192.168.56.12", metadata: {} },
    ]);
  });
});

describe("list-units", () => {
  it("has a line for each unit on each machine", async () => {
    expect((await (await withUnits()).run("list-units")).out).toBe(
      [
        "UNIT\t\tMACHINE\t\t\t\tACTIVE\tSUB",
        "global.service\t0b9fd6f8.../192.168.56.11\tactive\trunning",
        "global.service\t5d1ee7c2.../192.168.56.12\tactive\trunning",
        "hello.service\t0b9fd6f8.../192.168.56.11\tactive\trunning",
        "",
      ].join("\n"),
    );
  });

  it("shows the fields that are asked for, in that order", async () => {
    const { out } = await (await withUnits()).run("list-units", "--fields=hash,load,unit", "--no-legend");
    expect(out.split("\n").at(-2)).toMatch(/^[0-9a-f]{7}\tloaded\thello\.service$/);
  });
});

describe("list-unit-files", () => {
  it("shows every unit with what is wanted, what is, and where", async () => {
    const { out } = await (
      await withUnits()
    ).run("list-unit-files", "--fields=unit,dstate,state,target,global,desc");
    expect(out).toBe(
      [
        "UNIT\t\tDSTATE\t\tSTATE\t\tTARGET\t\t\t\tGLOBAL\tDESC",
        "global.service\tlaunched\t-\t\tglobal\t\t\t\ttrue\tsays hello",
        "hello.service\tlaunched\tlaunched\t0b9fd6f8.../192.168.56.11\tfalse\tsays hello",
        "idle.service\tinactive\tinactive\t-\t\t\t\tfalse\tsays hello",
        "",
      ].join("\n"),
    );
  });

  it("warns of the old name of a field", async () => {
    const { code, err } = await (await withUnits()).run("list-unit-files", "--fields", "unit,tmachine");
    expect(code).toBe(0);
    expect(err).toBe('WARNING: The "tmachine" field is deprecated. Use "target" instead\n');
  });
});

describe("any listing", () => {
  it.each(["list-machines", "list-units", "list-unit-files"])(
    "%s refuses fields that are none",
    async (command) => {
      expect(await bench().run(command, "--fields=bogus")).toEqual({
        code: 1,
        out: "",
        err: 'Invalid key in output format: "bogus"\n',
      });
      expect((await bench().run(command, "--fields=")).err).toBe("Must define output format\n");
    },
  );
});
