import { describe, expect, it } from "vitest";
import { clusterPlan } from "../../../test/support/cluster-plan.ts";
import type { CommandResult, Exec } from "../../foundation/exec.ts";
import { virtualbox } from "./virtualbox.ts";

describe("VirtualBox that does not do what it should", () => {
  const answering = (answer: Partial<CommandResult>): Exec => ({
    run: async ({ timeout }) => {
      // Without a limit, a hanging VBoxManage would hang us.
      expect(timeout).toBeLessThanOrEqual(30_000);
      const ended = { code: 0, stdout: "", stderr: "", timedOut: false, missing: false };
      return await Promise.resolve({ ...ended, ...answer });
    },
  });
  const missing = answering({ code: undefined, missing: true });
  const hanging = answering({ code: undefined, timedOut: true });
  const plan = clusterPlan("/demo", "demo");

  it("is told when it is not installed", async () => {
    expect(await virtualbox(missing).check(plan)).toMatchObject([
      {
        code: "E_HOST_LACKS",
        what: "VirtualBox (VBoxManage)",
        hint: expect.stringContaining("virtualbox.org") as string,
      },
    ]);
    await expect(virtualbox(missing).look()).rejects.toMatchObject({
      code: "E_HOST_LACKS",
      message: "the program VBoxManage is not installed",
    });
  });

  it("is told when it hangs, with what to do, and we do not hang", async () => {
    expect(await virtualbox(hanging).check(plan)).toMatchObject([
      { code: "E_HOST_LACKS", hint: expect.stringContaining("vboxconfig") as string },
    ]);
    const looked: unknown = await virtualbox(hanging)
      .look()
      .catch((error: unknown) => error);
    expect(looked).toMatchObject({
      code: "E_TIMEOUT",
      exitCode: 6,
      hint: expect.stringContaining("VBoxManage list") as string,
    });
    const { signal } = new AbortController();
    await expect(virtualbox(hanging).powerOff("an-id", signal)).rejects.toMatchObject({ code: "E_TIMEOUT" });
  });

  it("is told when its kernel module is missing, although its version can be had", async () => {
    const stderr = "WARNING: The vboxdrv kernel module is not loaded. Either there is no module";
    expect(await virtualbox(answering({ stdout: "7.0.20r163906\n", stderr })).check(plan)).toMatchObject([
      { code: "E_HOST_LACKS", what: expect.stringContaining("kernel module") as string },
    ]);
  });
});
