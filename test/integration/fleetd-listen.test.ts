import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type Server, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeAll, listen } from "../../src/bin/fleetd-listen.ts";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { type ApiStage, apiStage } from "../support/api-stage.ts";
import { startDbusDaemon } from "../support/dbus-daemon.ts";
import { startEtcdCluster } from "../support/etcd.ts";
import { startMockSystemd } from "../support/mock-systemd.ts";
import { freePort } from "../support/ports.ts";

const clock = systemClock();

type Where = { readonly socketPath: string } | { readonly host: string; readonly port: number };

async function get(where: Where, path: string): Promise<[number, string]> {
  const outgoing = request({ ...where, path, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return [response.statusCode ?? 0, await text(response)];
}

describe("the API on addresses", () => {
  let folder: string;
  let stage: ApiStage;
  let servers: readonly Server[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "flotilla-listen-"));
    stage = await apiStage();
  });

  afterEach(async () => {
    closeAll(servers);
    servers = [];
    stage.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is on its socket, and on TCP where the settings say so", async () => {
    const [socket, port] = [join(folder, "fleet.sock"), await freePort()];
    servers = await listen(stage.app, { socket, listen: [{ host: "127.0.0.1", port }] }, {});
    expect(await get({ socketPath: socket }, "/healthz")).toEqual([200, "ok\n"]);
    expect(await get({ host: "127.0.0.1", port }, "/healthz")).toEqual([200, "ok\n"]);
  });

  it("says which address is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const listening = listen(
      stage.app,
      { socket: join(folder, "fleet.sock"), listen: [{ host: "127.0.0.1", port }] },
      {},
    );
    await expect(listening).rejects.toMatchObject({ code: "E_IN_USE" });
    taken.close();
  });

  it.each([
    ["its headers", "GET /healthz HTTP/1.1\r\nHost: x\r\n"],
    [
      "its body",
      "PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
  ])("does not wait for ever for a client that never ends %s, and answers the others", async (_, sent) => {
    const socket = join(folder, "fleet.sock");
    servers = await listen(stage.app, { socket, listen: [] }, {}, { headers: 200, all: 400 });
    const slow = connect(socket);
    const answer = text(slow);
    slow.write(sent);
    expect(await get({ socketPath: socket }, "/healthz")).toEqual([200, "ok\n"]);
    expect(await answer).toContain("408 Request Timeout");
  });

  it("lets an event stream live longer than a request may take", async () => {
    const socket = join(folder, "fleet.sock");
    servers = await listen(stage.app, { socket, listen: [] }, {}, { headers: 100, all: 200 });
    const outgoing = request({ socketPath: socket, path: "/fleet/v1/events", agent: false });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let seen = "";
    response.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    const since = clock.monotonic();
    await clock.sleep(600);
    await stage.put("late.service", {
      options: [{ section: "Service", name: "ExecStart", value: "/bin/true" }],
    });
    const found = await waitFor(async () => (seen.includes("late.service") ? seen : undefined), {
      clock,
      every: 10,
      within: 5_000,
    });
    expect([found?.startsWith("id: "), clock.monotonic() - since > 500]).toEqual([true, true]);
    outgoing.destroy();
    const open = async (): Promise<true | undefined> =>
      (await get({ socketPath: socket }, "/metrics"))[1].includes("fleet_api_event_streams 0\n") || undefined;
    expect(await waitFor(open, { clock, every: 20, within: 5_000 })).toBe(true);
  });
});

describe("fleetd by socket activation", () => {
  it("serves all descriptors that systemd hands over", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flotilla-activated-"));
    await writeFile(join(folder, "machine-id"), `${"a".repeat(32)}\n`);
    const [etcd, daemon] = await Promise.all([startEtcdCluster(1), startDbusDaemon()]);
    const mock = await startMockSystemd(daemon.address);
    const [socketPath, port] = [join(folder, "activated.sock"), await freePort()];
    const env = {
      FLEET_ETCD_SERVERS: etcd.endpoints.join(","),
      FLEET_PUBLIC_IP: "127.0.0.1",
      FLEET_MACHINE_ID_FILE: join(folder, "machine-id"),
      FLEET_STATE_DIRECTORY: folder,
      FLEET_UNITS_DIRECTORY: join(folder, "units"),
      DBUS_SYSTEM_BUS_ADDRESS: daemon.address,
    };
    const settings = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
    const sockets = [`--listen=${socketPath}`, `--listen=127.0.0.1:${port}`];
    const program = [process.execPath, resolve("src/bin/node.ts"), "fleetd"];
    const fleetd: ChildProcess = spawn("systemd-socket-activate", [...sockets, ...settings, ...program], {
      stdio: "ignore",
    });
    try {
      for (const where of [{ socketPath }, { host: "127.0.0.1", port }]) {
        const healthy = await waitFor(
          async () => {
            const [status] = await get(where, "/healthz").catch(() => [0]);
            return status === 200 ? true : undefined;
          },
          { clock, every: 100, within: 20_000 },
        );
        expect(healthy).toBe(true);
        const [, metrics] = await get(where, "/metrics");
        expect(metrics).toContain("fleet_sessions_begun_total 1\n");
        expect(metrics).toContain("fleet_mirror_fresh 1\n");
      }
    } finally {
      const gone = once(fleetd, "exit");
      fleetd.kill("SIGKILL");
      await gone;
      await mock.close();
      await Promise.all([etcd.stop(), daemon.close()]);
      await rm(folder, { recursive: true, force: true });
    }
  });
});
