import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { startDbusDaemon, type DbusDaemon } from "../support/dbus-daemon.ts";
import { startEtcdCluster, type EtcdCluster } from "../support/etcd.ts";
import { startMockSystemd, type MockSystemd } from "../support/mock-systemd.ts";

const machineID = "0123456789abcdef0123456789abcdef";
const sleeper = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 1000" }];
const clock = systemClock();

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

describe("fleetd", () => {
  let folder: string;
  let etcd: EtcdCluster;
  let daemon: DbusDaemon;
  let mock: MockSystemd;
  let fleetd: ChildProcess;
  let output: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "flotilla-fleetd-"));
    await writeFile(join(folder, "machine-id"), `${machineID}\n`);
    await writeFile(join(folder, "fleet.conf"), 'metadata="region=local"\n');
    [etcd, daemon] = await Promise.all([startEtcdCluster(1), startDbusDaemon()]);
    mock = await startMockSystemd(daemon.address);
    output = "";
    launch();
  });

  afterEach(async () => {
    fleetd.kill("SIGKILL");
    await mock.close();
    await Promise.all([etcd.stop(), daemon.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  const launch = (bus: NodeJS.ProcessEnv = { DBUS_SYSTEM_BUS_ADDRESS: daemon.address }): void => {
    fleetd = spawn(
      process.execPath,
      [resolve("src/bin/node.ts"), "fleetd", "-config", join(folder, "fleet.conf")],
      {
        env: {
          FLEET_ETCD_SERVERS: etcd.endpoints.join(","),
          FLEET_PUBLIC_IP: "127.0.0.1",
          FLEET_MACHINE_ID_FILE: join(folder, "machine-id"),
          FLEET_SOCKET: join(folder, "fleet.sock"),
          FLEET_STATE_DIRECTORY: folder,
          FLEET_UNITS_DIRECTORY: join(folder, "units"),
          ...bus,
        },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    fleetd.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ended = once(fleetd, "exit");
    fleetd.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  };
  const call = async (method: string, path: string, body?: object): Promise<Answer> => {
    const outgoing = request({
      socketPath: join(folder, "fleet.sock"),
      path: `/fleet/v1${path}`,
      method,
      headers: { "content-type": "application/json" },
      agent: false,
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const answer = await text(response);
    return {
      status: response.statusCode ?? 0,
      body: answer === "" ? {} : (JSON.parse(answer) as Answer["body"]),
    };
  };
  /** Waits until the API answers so. */
  const until = async (path: string, wanted: (answer: Answer) => boolean): Promise<Answer> => {
    const look = async (): Promise<Answer | undefined> => {
      const answer = await call("GET", path).catch(() => undefined);
      return answer !== undefined && wanted(answer) ? answer : undefined;
    };
    const found = await waitFor(look, { clock, every: 20, within: 15_000 });
    if (found === undefined) throw new Error(`${path} never answered as wanted\n${output}`);
    return found;
  };
  const joined = (): Promise<Answer> => until("/machines", ({ status }) => status === 200);
  const active = (unit: string): Promise<Answer> =>
    until(`/state/${unit}`, ({ body }) => body["systemdActiveState"] === "active");
  const jobs = (): string[] => mock.calls.filter((entry) => /^(?:Start|Stop)Unit/.test(entry));
  const leaseKept = async (): Promise<unknown> =>
    (JSON.parse(await readFile(join(folder, "session.json"), "utf8")) as Record<string, unknown>)["leaseId"];

  it("runs what is submitted through its socket, survives its own death unnoticed, and leaves nothing behind", async () => {
    const machines = await joined();
    expect(machines.body).toEqual({
      machines: [{ id: machineID, metadata: { region: "local" }, primaryIP: "127.0.0.1" }],
    });
    const created = await call("PUT", "/units/hello.service", { options: sleeper, desiredState: "launched" });
    expect(created.status).toBe(201);
    await active("hello.service");
    expect((await call("GET", "/units/hello.service")).body).toMatchObject({
      currentState: "launched",
      machineID,
    });
    expect(jobs()).toEqual(["StartUnit hello.service replace"]);

    const lease = await leaseKept();
    await end("SIGKILL");
    launch();
    await joined();
    await active("hello.service");
    expect(await leaseKept()).toBe(lease);
    await call("PUT", "/units/other.service", { options: sleeper, desiredState: "launched" });
    await active("other.service");
    expect(jobs()).toEqual(["StartUnit hello.service replace", "StartUnit other.service replace"]);

    expect(await end("SIGTERM")).toBe(0);
    expect(jobs().slice(2).toSorted()).toEqual([
      "StopUnit hello.service replace",
      "StopUnit other.service replace",
    ]);
    expect(await readdir(join(folder, "units"))).toEqual([]);
    const registry = createEtcdRegistry({ endpoints: etcd.endpoints, clock, log: silentLog() });
    const mirror = await registry.follow(AbortSignal.timeout(5_000));
    expect([mirror.snapshot.machines.size, mirror.snapshot.states.size]).toEqual([0, 0]);
    expect([...mirror.snapshot.units.keys()].toSorted()).toEqual(["hello.service", "other.service"]);
    await registry.close();
  });

  it("keeps the order of two units that belong together, also when they come at the same moment", async () => {
    await joined();
    const database = [{ section: "Service", name: "ExecStartPre", value: "/bin/sleep 1" }, ...sleeper];
    const website = [
      { section: "Unit", name: "After", value: "database.service" },
      ...sleeper,
      { section: "X-Fleet", name: "MachineOf", value: "database.service" },
    ];
    const launched = { desiredState: "launched" };
    await call("PUT", "/units/website.service", { ...launched, options: website });
    await until("/units/website.service", ({ body }) => "refusal" in body);
    await call("PUT", "/units/database.service", { ...launched, options: database });
    const activeNow = (unit: string): boolean => mock.manager.status(unit).active === "active";
    const early = async (): Promise<boolean | undefined> =>
      activeNow("website.service") ? !activeNow("database.service") : undefined;
    expect(await waitFor(early, { clock, every: 5, within: 15_000 })).toBe(false);
    await active("website.service");
    expect(jobs()).toEqual(["StartUnit database.service replace", "StartUnit website.service replace"]);
  });

  it("runs units in the systemd of its user when it is told to", async () => {
    await end("SIGKILL");
    await writeFile(join(folder, "fleet.conf"), "systemd_user=true\n");
    const system = "unix:path=/nobody/is/here";
    launch({ DBUS_SYSTEM_BUS_ADDRESS: system, DBUS_SESSION_BUS_ADDRESS: daemon.address });
    await joined();
    await call("PUT", "/units/a.service", { desiredState: "launched", options: sleeper });
    await active("a.service");
    expect(jobs()).toHaveLength(1);
    await end("SIGKILL");
    output = "";
    launch({ DBUS_SYSTEM_BUS_ADDRESS: daemon.address });
    expect((await once(fleetd, "exit"))[0]).toBe(1);
    expect(output).toContain("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
  });

  it("leaves its units alone when etcd has lost them while it was down", async () => {
    await joined();
    await call("PUT", "/units/a.service", { options: sleeper, desiredState: "launched" });
    await active("a.service");
    await end("SIGKILL");
    const [member] = etcd.members;
    await member?.kill();
    await member?.wipe();
    member?.start();
    launch();
    await active("a.service");
    expect((await call("GET", "/units")).body).toEqual({});
    expect(output).toContain("units that it knows no longer are left as they are units=a.service");
    await call("PUT", "/units/b.service", { options: sleeper, desiredState: "launched" });
    await active("b.service");
    await active("a.service");
    expect(jobs()).toEqual(["StartUnit a.service replace", "StartUnit b.service replace"]);
    await call("PUT", "/units/a.service", { options: sleeper, desiredState: "inactive" });
    await until("/state/a.service", ({ status }) => status === 404);
    expect(jobs().at(-1)).toBe("StopUnit a.service replace");
  });

  it("stops a unit whose desired state falls, and forgets it when it is destroyed", async () => {
    await joined();
    await call("PUT", "/units/hello.service", { options: sleeper, desiredState: "launched" });
    await active("hello.service");
    await call("PUT", "/units/hello.service", { desiredState: "loaded" });
    await until("/units/hello.service", ({ body }) => body["currentState"] === "loaded");
    expect((await call("DELETE", "/units/hello.service")).status).toBe(204);
    await until("/state/hello.service", ({ status }) => status === 404);
    // Its end is told first, since others may wait for it; the file goes after that.
    const files = async (): Promise<number> => (await readdir(join(folder, "units"))).length;
    const tidied = async (): Promise<true | undefined> => ((await files()) === 0 ? true : undefined);
    expect(await waitFor(tidied, { clock, every: 20, within: 15_000 })).toBe(true);
  });

  it("says 503 until it has joined, and refuses settings that make no sense", async () => {
    await joined();
    await end("SIGKILL");
    await Promise.all(etcd.members.map((member) => member.kill()));
    launch();
    await until("/machines", ({ status }) => status === 503);
    await end("SIGKILL");
    const wrong = spawn(process.execPath, [resolve("src/bin/node.ts"), "fleetd"], {
      env: { FLEET_AGENT_TTL: "soon" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const said = text(wrong.stderr);
    const [code] = (await once(wrong, "exit")) as [number];
    expect(code).toBe(1);
    expect(await said).toContain('agent_ttl: "soon" is not a duration of whole seconds such as 4s');
  });

  it("reads its settings again on SIGHUP, and drops no unit", async () => {
    await joined();
    await call("PUT", "/units/a.service", { desiredState: "launched", options: sleeper });
    await active("a.service");
    await writeFile(join(folder, "fleet.conf"), 'metadata="region=moon"\n');
    fleetd.kill("SIGHUP");
    await until("/machines", ({ body }) => JSON.stringify(body).includes('"region":"moon"'));
    await active("a.service");
    for (const [settings, complaint] of [
      ["agent_ttl=never", "agent_ttl"],
      ["etcd_cafile=/nowhere.pem", "there is no file /nowhere.pem"],
    ] as const) {
      const before = output.length;
      await writeFile(join(folder, "fleet.conf"), `${settings}\n`);
      fleetd.kill("SIGHUP");
      await waitFor(() => (output.slice(before).includes("going on with the old ones") ? true : undefined), {
        clock,
        every: 20,
        within: 5_000,
      });
      expect(output.slice(before)).toContain(complaint);
      await until("/machines", ({ body }) => JSON.stringify(body).includes('"region":"moon"'));
      expect((await call("GET", "/units/a.service")).status).toBe(200);
    }
    expect(jobs()).toEqual(["StartUnit a.service replace"]);
    expect(output).toContain("took up the earlier session");
  });
});
