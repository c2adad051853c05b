import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../src/fleet/ctl/commands.ts";
import { globalOptions } from "../src/fleet/ctl/globals.ts";
import { settingNames } from "../src/fleet/config.ts";
import { requirementNames } from "../src/fleet/unit/requirements.ts";
import { bench, type Bench } from "./support/fleetctl-bench.ts";

/** The tables of fleet 1.0's own tests of fleetctl, and whether docs/compatibility.md names all that there is. */

const text = "[Service]\nExecStart=/bin/sleep 100\n";

/** Units `known.service` and `known@.service` are in the registry, `local.service` is a file. */
async function prepared(): Promise<Bench> {
  const setup = bench();
  const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
  for (const name of ["known.service", "known@.service"]) {
    await setup.fleet.putUnit(name, options, "inactive");
  }
  setup.files.set("local.service", text);
  return setup;
}

describe.each(["submit", "load", "start"])("table of the exit codes of %s", (command) => {
  it.each([
    ["a unit that is there", ["known.service"], 0],
    ["a unit that is nowhere", ["unknown.service"], 1],
    ["one that is there and one that is nowhere", ["known.service", "unknown.service"], 1],
    ["an instance of a template that is nowhere", ["unknown@1.service"], 1],
    ["instances of a template that is there", ["known@1.service", "known@100.service"], 0],
    ["the same unit twice", ["known.service", "known.service"], 0],
    ["the same file twice", ["local.service", "local.service"], 0],
    ["no unit", [], 0],
  ])("%s", async (_, names, code) => {
    expect((await (await prepared()).run(command, ...names)).code).toBe(code);
  });

  it.each(["foo@{1,3}.service", "foo@{1..3}.service"])(
    "refuses %s, which no shell has expanded, and asks for nothing",
    async (name) => {
      const setup = await prepared();
      setup.files.set(name, text);
      expect((await setup.run(command, name)).code).toBe(1);
      expect(await setup.fleet.unit(name)).toBeUndefined();
    },
  );
});

describe("table of how often start looks", () => {
  it.each([
    ["--block-attempts=1", 1, 2_000],
    ["--block-attempts=3", 1, 6_000],
    ["--no-block", 0, 0],
  ])("%s", async (option, code, waited) => {
    const setup = await prepared();
    setup.fleet.outcomes.set("known.service", { active: "activating", sub: "start-pre" });
    expect((await setup.run("start", option, "known.service")).code).toBe(code);
    expect(setup.clock.monotonic()).toBeGreaterThanOrEqual(waited);
    expect(setup.clock.monotonic()).toBeLessThan(waited + 1_000);
  });

  it.each(["--block-attempts=0", "--block-attempts=-1"])("%s is for ever", async (option) => {
    const setup = await prepared();
    setup.fleet.outcomes.set("known.service", { active: "activating", sub: "start-pre" });
    const fleet = { ...setup.fleet };
    let looks = 0;
    setup.fleet.states = async (filter) => {
      if (++looks === 1_000) setup.fleet.outcomes.clear();
      return await fleet.states(filter);
    };
    expect((await setup.run("start", option, "known.service")).code).toBe(0);
    expect(setup.clock.monotonic()).toBeGreaterThan(60_000);
  });
});

describe("table of what listings show for nothing", () => {
  it("a hash of no options, and a dash for what is not known", async () => {
    const setup = bench();
    await setup.fleet.putUnit("empty.service", [], "inactive");
    const { out } = await setup.run(
      "list-unit-files",
      "--no-legend",
      "--fields=unit,hash,desc,target,tmachine",
    );
    expect(out).toBe("empty.service\tda39a3e\t-\t-\t-\n");
  });
});

describe("docs/compatibility.md", () => {
  const page = readFileSync(join(import.meta.dirname, "../docs/compatibility.md"), "utf8");
  const [, section = ""] = page.split("### Command by command");
  const rows = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  /** The row of a command, with that of the command that it refers to. */
  const rowOf = (name: string): string => rows.find((row) => row.includes(`\`${name}`)) ?? "";
  const withReference = (row: string): string => {
    const [, other] = /as `([a-z-]+)`/.exec(row) ?? [];
    if (other !== undefined) return `${row}${withReference(rowOf(other))}`;
    return row.includes("| the same |") ? `${row}${rowOf("list-machines")}` : row;
  };

  it.each(commands.map(({ name }) => name))("has a row for %s", (name) => {
    expect(rowOf(name)).not.toBe("");
  });

  it.each(commands.flatMap(({ name, options }) => options.map((option) => [name, option.name])))(
    "names %s --%s",
    (command, option) => {
      expect(withReference(rowOf(command ?? ""))).toContain(`\`--${option}\``);
    },
  );

  const [, settings = ""] = page.split("\n## fleetd\n");
  it.each(settingNames)("names the setting %s of fleetd", (name) => {
    expect(settings).toContain(`\`${name}\``);
  });

  const [, units = ""] = page.split("### Option by option");
  it.each(requirementNames)("names the option %s of unit files", (name) => {
    expect(units.split("\n## ")[0]).toContain(`\`${name}\``);
  });

  it.each(globalOptions.map(({ name }) => name))("names the option --%s for all commands", (option) => {
    expect(rows.filter((row) => row.includes(`\`--${option}\``))).not.toEqual([]);
  });
});
