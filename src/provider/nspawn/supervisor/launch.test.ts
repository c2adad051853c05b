import { describe, expect, it } from "vitest";
import { hostNames } from "../names.ts";
import { launchArgv } from "./launch.ts";

const options = {
  names: hostNames({ name: "demo", dir: "/home/me/demo" }),
  stateDir: "/home/me/demo/.state",
  command: ["/usr/bin/node", "cluster.js", "supervise"],
};

describe("the command that starts a supervisor", () => {
  it("is the given one with the state folder", () => {
    expect(launchArgv(options, "/log", false)).toEqual([...options.command, options.stateDir]);
  });

  it("makes it a unit of its own under systemd, so that it outlives the user's session", () => {
    const argv = launchArgv(options, "/log", true);
    expect(argv[0]).toBe("systemd-run");
    expect(argv).toContain(`--unit=flotilla-${options.names.id}`);
    expect(argv.slice(argv.indexOf("--") + 1)).toEqual([...options.command, options.stateDir]);
  });
});
