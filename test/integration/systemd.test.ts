import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock, waitFor } from "../../src/foundation/clock.ts";
import { lineLog, silentLog } from "../../src/foundation/log.ts";
import { createDbusSystemd } from "../../src/fleet/systemd/dbus.ts";
import type { Systemd, SystemdStatus } from "../../src/fleet/systemd/systemd.ts";
import { startDbusDaemon, type DbusDaemon } from "../support/dbus-daemon.ts";
import { startMockSystemd, type MockSystemd } from "../support/mock-systemd.ts";
import { describeSystemd, unitFiles } from "../support/systemd-contract.ts";

const run = promisify(execFile);

interface Stage {
  readonly daemon: DbusDaemon;
  readonly mock: MockSystemd;
  readonly folder: string;
  readonly systemd: Systemd;
  close(): Promise<void>;
}

async function setUp(): Promise<Stage> {
  const daemon = await startDbusDaemon();
  const mock = await startMockSystemd(daemon.address);
  const folder = await mkdtemp(join(tmpdir(), "flotilla-units-"));
  const systemd = createDbusSystemd({
    busAddress: daemon.address,
    unitsDirectory: folder,
    clock: systemClock(),
    log: silentLog(),
  });
  const close = async (): Promise<void> => {
    await systemd.close();
    await mock.close();
    await daemon.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { daemon, mock, folder, systemd, close };
}

describeSystemd("the adapter on a real bus", setUp);

describe("the adapter on a real bus", () => {
  let stage: Stage;
  let stop: AbortController;

  beforeEach(async () => {
    stage = await setUp();
    stop = new AbortController();
  });

  afterEach(async () => {
    stop.abort();
    await stage.close();
  });

  const until = async (unit: string, active: string): Promise<SystemdStatus> => {
    for await (const change of stage.systemd.changes(stop.signal)) {
      if (change.name === unit && change.status.active === active) return change.status;
    }
    throw new Error("the changes ended");
  };

  it("reloads systemd for no new unit, and once for a changed one that is loaded", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await stage.systemd.start("a.service");
    expect(stage.mock.calls).not.toContain("Reload");
    await stage.systemd.install("a.service", unitFiles.sleeper);
    expect(stage.mock.calls).not.toContain("Reload");
    await stage.systemd.install("a.service", unitFiles.sleeper2);
    expect(stage.mock.calls.filter((call) => call === "Reload")).toHaveLength(1);
  });

  it("hears of a job's end that comes before the job's name", async () => {
    stage.mock.hasty = true;
    await stage.systemd.install("a.service", unitFiles.sleeper);
    expect(await stage.systemd.start("a.service")).toEqual({ result: "done" });
  });

  it("never has more than 64 calls waiting", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `many-${index}.service`);
    await Promise.all(names.map((name) => stage.systemd.install(name, unitFiles.sleeper)));
    await Promise.all(names.map((name) => stage.systemd.start(name)));
    expect(stage.mock.busiest).toBeGreaterThan(10);
    expect(stage.mock.busiest).toBeLessThanOrEqual(64);
  });

  it("enables a unit with an [Install] section, and refuses one that says nothing there", async () => {
    const installed = `${unitFiles.sleeper}\n[Install]\nWantedBy=multi-user.target\n`;
    await stage.systemd.install("a.service", installed);
    expect(stage.mock.calls).toContain(`EnableUnitFiles ${join(stage.folder, "a.service")}`);
    const empty = stage.systemd.install("b.service", `${unitFiles.sleeper}\n[Install]\nNonsense=1\n`);
    await expect(empty).rejects.toThrow("the [Install] section of b.service tells systemd nothing");
    expect(await readdir(stage.folder)).toEqual(["a.service"]);
  });

  it("says that a full disk has no room for a unit, leaves nothing behind, and takes it once there is room", async () => {
    await run("mount", ["-t", "tmpfs", "-o", "size=16k", "none", stage.folder]);
    try {
      await writeFile(join(stage.folder, "filler"), Buffer.alloc(16_384)).catch(() => undefined);
      const refused = stage.systemd.install("a.service", unitFiles.sleeper);
      await expect(refused).rejects.toMatchObject({ code: "E_DISK_FULL" });
      expect(await readdir(stage.folder)).toEqual(["filler"]);
      expect(stage.mock.calls.filter((call) => call.includes("a.service"))).toEqual([]);
      await rm(join(stage.folder, "filler"));
      await stage.systemd.install("a.service", unitFiles.sleeper);
      expect(await stage.systemd.start("a.service")).toEqual({ result: "done" });
    } finally {
      await run("umount", ["--lazy", stage.folder]);
    }
  });

  it("leaves files alone that are no units", async () => {
    await writeFile(join(stage.folder, "README"), "hello");
    await writeFile(join(stage.folder, "a.service.12345678.tmp"), "half");
    expect(await stage.systemd.list()).toEqual([]);
  });

  it("tells of a unit that dies by itself", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await stage.systemd.start("a.service");
    const failed = until("a.service", "failed");
    stage.mock.manager.crash("a.service");
    expect(await failed).toEqual({ load: "loaded", active: "failed", sub: "failed" });
  });

  it("tells what changed while dbus-daemon was dead, and works on", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await stage.systemd.install("b.service", unitFiles.sleeper);
    await stage.systemd.start("a.service");
    const failed = until("a.service", "failed");
    await stage.daemon.kill();
    stage.mock.manager.crash("a.service");
    await stage.daemon.start();
    await stage.mock.connect();
    expect((await failed).sub).toBe("failed");
    expect(await stage.systemd.start("b.service")).toEqual({ result: "done" });
    const again = until("b.service", "failed");
    stage.mock.manager.crash("b.service");
    await again;
  });

  it("settles a job whose end came while dbus-daemon was dead", async () => {
    await stage.systemd.install("slow.service", unitFiles.slowToStart);
    const activating = until("slow.service", "activating");
    const started = stage.systemd.start("slow.service");
    await activating;
    await stage.daemon.kill();
    const ended = (): true | undefined =>
      stage.mock.manager.status("slow.service").active === "active" || undefined;
    expect(await waitFor(ended, { clock: systemClock(), every: 20, within: 5_000 })).toBe(true);
    await stage.daemon.start();
    await stage.mock.connect();
    expect(await started).toEqual({ result: "done" });
  });

  it("carries a call out later that was made while there was no bus", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await stage.daemon.kill();
    const started = stage.systemd.start("a.service");
    await stage.daemon.start();
    await stage.mock.connect();
    expect(await started).toEqual({ result: "done" });
  });

  it("subscribes again when systemd joins the bus anew", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await stage.mock.close();
    await stage.mock.connect();
    const active = until("a.service", "active");
    await stage.systemd.start("a.service");
    expect((await active).sub).toBe("running");
  });

  it("works on at once when systemd joins the bus anew while its state is being looked up after the last time", async () => {
    await stage.systemd.install("a.service", unitFiles.sleeper);
    stage.mock.mute = "ListUnitsByNames";
    const looks = (): number => stage.mock.calls.filter((call) => call.startsWith("ListUnitsByNames")).length;
    const before = looks();
    await stage.mock.close();
    await stage.mock.connect();
    const look = async (): Promise<true | undefined> => (looks() > before ? true : undefined);
    expect(await waitFor(look, { clock: systemClock(), every: 5, within: 10_000 })).toBe(true);
    stage.mock.mute = undefined;
    await stage.mock.close();
    await stage.mock.connect();
    expect(await stage.systemd.start("a.service")).toEqual({ result: "done" });
  });

  it("keeps its connection, looking now and then whether the bus still answers", async () => {
    let looks = 0;
    const lines: string[] = [];
    const real = systemClock();
    const hasty: Clock = {
      ...real,
      sleep: (ms, signal) => {
        if (ms === 5_000) looks++;
        return real.sleep(ms === 5_000 ? 10 : ms, signal);
      },
    };
    const systemd = createDbusSystemd({
      busAddress: stage.daemon.address,
      unitsDirectory: stage.folder,
      clock: hasty,
      log: lineLog({ write: (line) => lines.push(line), level: "warn", style: "plain" }),
    });
    await systemd.install("a.service", unitFiles.sleeper);
    await waitFor(() => looks > 5 || undefined, { clock: real, every: 10, within: 5_000 });
    expect([looks > 5, lines]).toEqual([true, []]);
    await systemd.close();
  });

  it("gives up by itself when no bus answers", async () => {
    const lonely = createDbusSystemd({
      busAddress: "unix:path=/nonexistent/bus",
      unitsDirectory: stage.folder,
      clock: systemClock(),
      log: silentLog(),
      patience: 300,
    });
    await stage.systemd.install("a.service", unitFiles.sleeper);
    await expect(lonely.list()).rejects.toMatchObject({ code: "E_SYSTEMD" });
    await lonely.close();
  });
});
