import { describe, expect, it } from "vitest";
import { describeSystemd, unitFiles } from "../../../test/support/systemd-contract.ts";
import { manualClock, systemClock } from "../../foundation/clock.ts";
import { createMemorySystemd } from "./memory.ts";

describeSystemd("the in-memory twin", () => {
  const systemd = createMemorySystemd({ clock: systemClock() });
  return Promise.resolve({ systemd, close: () => systemd.close() });
});

describe("the in-memory twin", () => {
  it("has the running units of before", async () => {
    const systemd = createMemorySystemd({
      clock: manualClock(),
      units: [
        { name: "a.service", content: unitFiles.sleeper, running: true },
        { name: "b.service", content: unitFiles.sleeper, running: false },
      ],
    });
    const units = await systemd.list();
    expect(units.map(({ name, status }) => [name, status.active])).toEqual([
      ["a.service", "active"],
      ["b.service", "inactive"],
    ]);
  });

  it("lets a unit die by itself", async () => {
    const systemd = createMemorySystemd({ clock: manualClock() });
    await systemd.install("a.service", unitFiles.sleeper);
    await systemd.start("a.service");
    systemd.crash("a.service");
    expect((await systemd.status("a.service")).active).toBe("failed");
  });

  it("answers nothing while its bus is broken", async () => {
    const systemd = createMemorySystemd({ clock: manualClock() });
    systemd.breakDown("the bus is gone");
    await expect(systemd.list()).rejects.toThrow("the bus is gone");
    systemd.breakDown(undefined);
    await expect(systemd.list()).resolves.toEqual([]);
  });
});
