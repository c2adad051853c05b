import { describe, expect, it } from "vitest";
import { bench } from "../../../test/support/fleetctl-bench.ts";
import { AppError } from "../../foundation/errors.ts";

describe("the command line of fleetctl", () => {
  it("prints the overview without a command", async () => {
    const { code, out } = await bench().run();
    expect(code).toBe(0);
    expect(out).toContain("list-machines");
    expect(out).toContain("GLOBAL OPTIONS:");
  });

  it.each([["version"], ["--version"], ["-v"]])("prints the version for %s", async (word) => {
    expect(await bench().run(word)).toEqual({ code: 0, out: "fleetctl version 1.2.3\n", err: "" });
  });

  it("exits 2 for a command that it does not know", async () => {
    const { code, err } = await bench().run("bogus");
    expect(code).toBe(2);
    expect(err).toBe('Error: unknown command "bogus" for "fleetctl"\nRun \'fleetctl --help\' for usage.\n');
  });

  it("exits 2 for an option that the command does not know", async () => {
    expect(await bench().run("version", "--full")).toMatchObject({ code: 2 });
  });

  it("takes the beginning of a command's name when only one begins so", async () => {
    expect((await bench().run("list-m")).out).toContain("MACHINE");
    expect((await bench().run("list-")).code).toBe(2);
    expect((await bench().run("st")).code).toBe(2);
    expect((await bench().run("sto", "x")).err).toContain("Units not found in registry");
  });

  it.each([
    [["--help"], "COMMANDS:"],
    [["-h"], "COMMANDS:"],
    [["start", "--help"], "fleetctl start"],
    [["journal", "-h"], "--follow"],
    [["help", "ssh"], "--forward-agent"],
  ])("explains itself for %j", async (argv, text) => {
    const { code, out } = await bench().run(...argv);
    expect(code).toBe(0);
    expect(out).toContain(text);
  });

  it("takes globals from the environment, and from options before that", async () => {
    const setup = bench();
    Object.assign(setup.env, { FLEETCTL_TUNNEL: "one:2222", FLEETCTL_ENDPOINT: "", HOME: "/home/core" });
    await setup.run("list-machines");
    await setup.run("--tunnel", "two", "list-machines", "--ssh-timeout=3");
    expect(setup.seenGlobals).toMatchObject([
      {
        tunnel: "one:2222",
        endpoint: "unix:///var/run/fleet.sock",
        knownHostsFile: "/home/core/.fleetctl/known_hosts",
      },
      { tunnel: "two", sshTimeout: 3_000 },
    ]);
  });

  it("has no etcd driver, and says why", async () => {
    const setup = bench();
    for (const argv of [["--driver=etcd"], ["--driver", "ETCD"]]) {
      const { code, err } = await setup.run(...argv, "list-units");
      expect(code).toBe(2);
      expect(err).toContain("Error: Unable to initialize client: there is no etcd driver\n");
      expect(err).toContain("--endpoint");
    }
    expect((await setup.run("--driver=bogus", "list-units")).err).toContain('unrecognized driver "bogus"');
    expect(setup.seenGlobals).toEqual([]);
    expect((await setup.run("--driver=api", "list-units")).code).toBe(0);
  });

  it("takes fleet's deprecated options", async () => {
    const setup = bench();
    const files = ["--etcd-cafile=ca", "--etcd-certfile=cert", "--etcd-keyfile=key"];
    const others = ["--experimental-api=false", "--etcd-key-prefix=/x"];
    expect((await setup.run(...files, ...others, "list-units")).code).toBe(0);
    expect(setup.seenGlobals).toMatchObject([{ caFile: "ca", certFile: "cert", keyFile: "key" }]);
  });

  it.each(["submit", "load", "start"])("takes --sign for %s, without effect", async (command) => {
    const setup = bench();
    setup.files.set("a.service", "[Service]\nExecStart=/bin/true\n");
    expect((await setup.run(command, "--sign", "a.service")).code).toBe(0);
  });

  it("says where an error is and what to do", async () => {
    const setup = bench();
    setup.fleet.broken = new AppError("E_ETCD", "fleet server unable to communicate with etcd", {
      hint: "wait",
    });
    expect(await setup.run("list-units")).toEqual({
      code: 1,
      out: "",
      err: "Error retrieving list of units from repository: fleet server unable to communicate with etcd\nHint: wait\n",
    });
  });
});
