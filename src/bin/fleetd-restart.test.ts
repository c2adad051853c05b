import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Exec } from "../foundation/exec.ts";
import { silentLog } from "../foundation/log.ts";
import { isRestart } from "./fleetd-restart.ts";

describe("telling a restart from a stop", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "flotilla-restart-"));
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  const ask = async (
    jobs: string,
    cgroup: string,
    { env = { INVOCATION_ID: "x" }, user = false, asked = [] as string[] } = {},
  ): Promise<boolean> => {
    const cgroupFile = join(folder, "cgroup");
    await writeFile(cgroupFile, cgroup);
    const result = { code: 0, stdout: jobs, stderr: "", timedOut: false, missing: false };
    const run: Exec["run"] = async ({ argv }) => {
      asked.push(...argv);
      return result;
    };
    return await isRestart({ exec: { run }, env, log: silentLog(), user, cgroupFile });
  };
  const ours = "0::/system.slice/fleet.service\n";

  it.each([
    ["481 fleet.service restart running\n", ours, true],
    ["481 fleet.service restart running\n", "12:pids:/x\n0::/system.slice/fleet.service/leaf\n", true],
    ["481 fleet.service stop running\n7 x.service restart waiting\n", ours, false],
    ["No jobs running.\n", ours, false],
    ["481 fleet.service restart running\n", "0::/user.slice/user-0.slice\n", false],
  ])("jobs %j in cgroup %j: %s", async (jobs, cgroup, expected) => {
    expect(await ask(jobs, cgroup)).toBe(expected);
  });

  it("takes every end for a stop where systemd did not start us", async () => {
    const env = {} as { INVOCATION_ID: string };
    expect(await ask("481 fleet.service restart running\n", ours, { env })).toBe(false);
  });

  it("asks the user's systemd where that one started us", async () => {
    const cgroup = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/fleet.service\n";
    const jobs = "481 fleet.service restart running\n";
    const asked: string[] = [];
    expect(await ask(jobs, cgroup, { user: true, asked })).toBe(true);
    expect(asked).toContain("--user");
  });
});
