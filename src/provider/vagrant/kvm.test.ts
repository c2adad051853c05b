import { describe, expect, it } from "vitest";
import type { Exec } from "../../foundation/exec.ts";
import { kvmRan } from "./kvm.ts";

describe("whether KVM runs machines", () => {
  const qemu = (code: number | undefined, timedOut = false): Exec => ({
    run: async () => Promise.resolve({ code, stdout: "", stderr: "", timedOut, missing: false }),
  });

  it("is so when a machine has run and said so", async () => {
    expect(await kvmRan(qemu(85))).toBe(true);
  });

  it("is not so when the machine is refused, dies or hangs, although /dev/kvm is there", async () => {
    expect(await kvmRan(qemu(1))).toBe(false);
    expect(await kvmRan(qemu(134))).toBe(false);
    expect(await kvmRan(qemu(undefined, true))).toBe(false);
  });
});
