import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../src/bin/fleetctl.ts";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { startDbusDaemon } from "../support/dbus-daemon.ts";
import type { DbusDaemon } from "../support/dbus-daemon.ts";
import { startEtcdCluster } from "../support/etcd.ts";
import type { EtcdCluster } from "../support/etcd.ts";
import { startMockSystemd } from "../support/mock-systemd.ts";
import type { MockSystemd } from "../support/mock-systemd.ts";

const unitFile = "[Service]\nExecStart=/bin/sleep 1000\n";
const where = "01234567.../127.0.0.1";
let folder: string;
let etcd: EtcdCluster;
let daemon: DbusDaemon;
let mock: MockSystemd;
let fleetd: ChildProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fleetctl-fleetd-"));
  await writeFile(join(folder, "machine-id"), "0123456789abcdef0123456789abcdef\n");
  [etcd, daemon] = await Promise.all([startEtcdCluster(1), startDbusDaemon()]);
  mock = await startMockSystemd(daemon.address);
  fleetd = spawn(process.execPath, [resolve("src/bin/node.ts"), "fleetd"], {
    env: {
      FLEET_ETCD_SERVERS: etcd.endpoints.join(","),
      FLEET_PUBLIC_IP: "127.0.0.1",
      FLEET_METADATA: "region=local",
      FLEET_MACHINE_ID_FILE: join(folder, "machine-id"),
      FLEET_SOCKET: join(folder, "fleet.sock"),
      FLEET_STATE_DIRECTORY: folder,
      FLEET_UNITS_DIRECTORY: join(folder, "units"),
      DBUS_SYSTEM_BUS_ADDRESS: daemon.address,
    },
    stdio: "ignore",
  });
  const up = await waitFor(
    async () => ((await fleetctl("list-machines", "--no-legend")).out === "" ? undefined : true),
    { clock: systemClock(), every: 50, within: 20_000 },
  );
  if (up === undefined) throw new Error("fleetd did not come up");
});

afterAll(async () => {
  const gone = once(fleetd, "exit");
  fleetd.kill("SIGKILL");
  await gone;
  await mock.close();
  await Promise.all([etcd.stop(), daemon.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function fleetctl(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const env = { HOME: folder, FLEETCTL_ENDPOINT: `unix://${join(folder, "fleet.sock")}` };
  const code = await main(argv, { stdin, stdout, stderr, env });
  const read = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? "");
  return { code, out: read(stdout), err: read(stderr) };
}

async function file(name: string, content: string | Buffer = unitFile): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("fleetctl with a real fleetd", () => {
  it("takes a unit through its whole life", async () => {
    const path = await file("life.service");
    expect(await fleetctl("start", path)).toEqual({
      code: 0,
      out: `Unit life.service inactive\nUnit life.service launched on ${where}\n`,
      err: "",
    });
    expect((await fleetctl("list-units", "--no-legend")).out).toBe(
      `life.service\t${where}\tactive\trunning\n`,
    );
    expect((await fleetctl("cat", "life")).out).toBe(unitFile);
    expect(await fleetctl("stop", "life")).toMatchObject({
      code: 0,
      out: `Unit life.service loaded on ${where}\n`,
    });
    expect(await fleetctl("unload", "life")).toMatchObject({ code: 0, out: "Unit life.service inactive\n" });
    expect(await fleetctl("destroy", "life")).toEqual({ code: 0, out: "Destroyed life.service\n", err: "" });
    expect((await fleetctl("list-unit-files", "--no-legend")).out).toBe("");
  });

  it("says at once why a unit can run nowhere", async () => {
    const path = await file("picky.service", `${unitFile}[X-Fleet]\nMachineMetadata=region=moon\n`);
    const { code, err } = await fleetctl("start", path);
    expect(code).toBe(1);
    expect(err).toContain("Error waiting for units: unit picky.service can run on no machine: ");
    expect(err).toContain(`  ${where}: `);
    expect((await fleetctl("unload", "picky")).code).toBe(0);
    await fleetctl("destroy", "picky");
  });

  it.each(["start", "load"])(
    "says at once of a %s that the machine cannot install the unit",
    async (command) => {
      const path = await file("mute.service", `${unitFile}[Install]\nDefaultInstance=1\n`);
      const { code, err } = await fleetctl(command, path);
      expect([code, err]).toEqual([
        1,
        expect.stringContaining(`unit mute.service cannot be installed on ${where}`),
      ]);
      expect((await fleetctl("list-units", "--no-legend")).out).toContain(
        `mute.service\t${where}\tfailed\tfailed\n`,
      );
      expect(await fleetctl("stop", "mute")).toMatchObject({ code: 0 });
      expect(await fleetctl("destroy", "mute")).toMatchObject({ code: 0 });
    },
  );

  it("waits for a unit whose start waits for another one's", async () => {
    const slow = await file(
      "slow.service",
      `[Service]\nExecStartPre=/bin/sleep 4\nExecStart=/bin/sleep 1000\n`,
    );
    await fleetctl("start", "--no-block", slow);
    const path = await file("after.service", `[Unit]\nAfter=slow.service\n${unitFile}`);
    expect(await fleetctl("start", path)).toEqual({
      code: 0,
      out: `Unit after.service inactive\nUnit after.service launched on ${where}\n`,
      err: `Waiting for unit after.service: systemd on ${where} has yet to start it\n`,
    });
    expect((await fleetctl("list-units", "--no-legend")).out).toContain(
      `after.service\t${where}\tactive\trunning\n`,
    );
    await fleetctl("destroy", "slow", "after");
  });

  it("says at once why a global unit fits no machine, and nothing when it fits", async () => {
    const path = await file("all.service", `${unitFile}[X-Fleet]\nGlobal=yes\nMachineMetadata=region=moon\n`);
    const out = "Triggered global unit all.service start\n";
    const refused = await fleetctl("start", path);
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining(out) as unknown });
    expect(refused.err).toContain(`Unit all.service can run on no machine:\n  not on ${where}: `);
    await fleetctl("destroy", "all");
    await file("all.service", `${unitFile}[X-Fleet]\nGlobal=yes\nMachineMetadata=region=local\n`);
    const started = await fleetctl("start", path);
    expect(started).toMatchObject({ code: 0, out: expect.stringContaining(out) as unknown, err: "" });
    await fleetctl("destroy", "all");
  });

  it("replaces a running unit", async () => {
    const path = await file("new.service");
    await fleetctl("start", path);
    await file("new.service", `${unitFile}Restart=always\n`);
    expect((await fleetctl("start", path)).err).toContain("Add --replace to override.");
    expect((await fleetctl("start", "--replace", path)).code).toBe(0);
    expect((await fleetctl("cat", "new")).out).toContain("Restart=always");
    await file("new.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
    const { code, err } = await fleetctl("start", "--replace", path);
    expect([code, err]).toEqual([1, expect.stringContaining(`unit new.service failed on ${where}`)]);
    await fleetctl("destroy", "new");
  });

  it("starts many instances of a template at once", async () => {
    await file("web@.service");
    const names = Array.from({ length: 20 }, (_, index) => join(folder, `web@${index}.service`));
    expect((await fleetctl("start", ...names)).code).toBe(0);
    expect((await fleetctl("list-units", "--no-legend")).out.match(/active\trunning/g)).toHaveLength(20);
    expect((await fleetctl("destroy", ...names)).code).toBe(0);
  });

  it.each([
    [
      "bytes that are no UTF-8",
      Buffer.from([0x5b, 0x55, 0x5d, 0x0a, 0x41, 0x3d, 0xff, 0xfe]),
      "it is not UTF-8 text",
    ],
    ["a NUL", "[Service]\nExecStart=/bin/true\0\n", "cannot be written to a unit file"],
    ["one line of 10 MB", `[Service]\nExecStart=${"x".repeat(10_000_000)}\n`, "line too long"],
    ["10 MB of lines", `[Service]\n${"ExecStartPre=/bin/true\n".repeat(450_000)}`, "exceeds 4194304 bytes"],
  ])("refuses a unit file with %s, and goes on", async (_, content, message) => {
    const { code, err } = await fleetctl("start", await file("bad.service", content));
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect((await fleetctl("list-unit-files", "--no-legend", "--fields=unit")).out).not.toContain("bad");
  });

  it("takes a unit file with Windows line ends for the same unit", async () => {
    await fleetctl("submit", await file("unix.service"));
    await fleetctl("submit", await file("windows.service", unitFile.replaceAll("\n", "\r\n")));
    const { out } = await fleetctl("list-unit-files", "--no-legend", "--fields=unit,hash");
    const [, hash = ""] = /unix\.service\t+(\w+)/.exec(out) ?? [];
    expect(out).toMatch(new RegExp(`windows\\.service\\t+${hash}`));
    await fleetctl("destroy", "unix", "windows");
  });

  it("recognises etcd behind the endpoint, and says how to go on", async () => {
    const endpoint = `--endpoint=${etcd.endpoints[0] ?? ""}`;
    for (const command of [["list-units"], ["start", "hello.service"], ["destroy", "hello.service"]]) {
      const { code, err } = await fleetctl(endpoint, ...command);
      expect([code === 0, err.includes("is etcd, not fleet's API")]).toEqual([false, true]);
      expect(err).toContain("--tunnel");
    }
  });

  it("waits by the event stream rather than by looking again and again", async () => {
    const path = await file("calm.service");
    const { code, err } = await fleetctl("--debug", "start", path);
    await fleetctl("destroy", "calm");
    expect(code).toBe(0);
    expect(err.match(/^DEBUG /gm)?.length).toBeLessThan(20);
  });
});
