import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { type EtcdAccess, createEtcdRegistry } from "../../src/fleet/registry/etcd.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type EtcdCluster, startEtcdCluster } from "../support/etcd.ts";
import { aMachine, aUnit, until } from "../support/registry-samples.ts";

const clock = systemClock();

describe("an etcd that asks who we are", () => {
  let folder: string;
  let certificates: Certificates;
  let etcd: EtcdCluster;
  const open: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "flotilla-etcd-access-"));
    certificates = await makeCertificates(folder);
  });

  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    await etcd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (clients: boolean): Promise<void> => {
    const { ca, server } = certificates;
    etcd = await startEtcdCluster(1, { ca, ...server, clients });
    await etcdctl("endpoint", "health");
  };
  const etcdctl = async (...args: string[]): Promise<void> => {
    const { ca, client } = certificates;
    const files = [`--cacert=${ca}`, `--cert=${client.cert}`, `--key=${client.key}`];
    const all = [`--endpoints=${etcd.endpoints.join(",")}`, ...files, ...args];
    const env = { ...process.env, ETCDCTL_API: "3" };
    const run = (): Promise<true | undefined> =>
      promisify(execFile)("etcdctl", all, { env }).then(
        () => true as const,
        () => undefined,
      );
    if ((await waitFor(run, { clock, every: 100, within: 10_000 })) === undefined)
      throw new Error(args.join(" "));
  };
  const client = (access: EtcdAccess): ReturnType<typeof createEtcdRegistry> => {
    const registry = createEtcdRegistry({ endpoints: etcd.endpoints, clock, log: silentLog(), ...access });
    open.push(registry);
    return registry;
  };
  const tls = async (withClient: boolean): Promise<EtcdAccess> => {
    const ca = await readFile(certificates.ca, "utf8");
    if (!withClient) return { tls: { ca } };
    const [cert, key] = await Promise.all([
      readFile(certificates.client.cert, "utf8"),
      readFile(certificates.client.key, "utf8"),
    ]);
    return { tls: { ca, cert, key } };
  };
  /** Does of everything a little. */
  const live = async (registry: ReturnType<typeof createEtcdRegistry>, unit: string): Promise<boolean> => {
    const stop = new AbortController();
    const mirror = await registry.follow(stop.signal);
    const machine = aMachine(unit);
    const joined = await registry.join({ machine, ttl: 2_000 }, stop.signal);
    if (joined.kind !== "joined") throw new Error("did not join");
    await registry.putUnit(aUnit(unit));
    const { machines } = await until(
      mirror,
      ({ units, machines: all }) => units.has(unit) && all.has(machine.id),
    );

    await joined.session.end();
    stop.abort(new Error("done"));
    return machines.has(machine.id);
  };

  it("is served over TLS, with certificates on both sides", async () => {
    await start(true);
    expect(await live(client(await tls(true)), "a.service")).toBe(true);
  });

  it("is not believed without its authority, nor believes us without a certificate", async () => {
    await start(true);
    for (const access of [{}, await tls(false)]) {
      await expect(client(access).putUnit(aUnit("a.service"))).rejects.toMatchObject({ code: "E_ETCD" });
    }
  });

  it("takes name and password, and tells a new token from an old one after its restart", async () => {
    await start(false);
    const prefix = "/flotilla/fleet/v1/";
    for (const [name, role] of [
      ["root", "root"],
      ["fleet", "fleet"],
    ] as const) {
      await etcdctl("user", "add", `${name}:secret`);
      await etcdctl("role", "add", role);
      await etcdctl("user", "grant-role", name, role);
    }
    await etcdctl("role", "grant-permission", "fleet", "readwrite", prefix, "--prefix=true");
    await etcdctl("auth", "enable");
    const access = await tls(false);
    const registry = client({ ...access, login: { name: "fleet", password: "secret" } });
    await live(registry, "a.service");
    const stop = new AbortController();
    const mirror = await registry.follow(stop.signal);
    await etcd.members[0]?.kill();
    etcd.members[0]?.start();
    await live(registry, "b.service");
    await until(mirror, ({ units }) => units.has("b.service"));
    stop.abort(new Error("done"));
    const wrong = client({ ...access, login: { name: "fleet", password: "guess" } });
    await expect(wrong.putUnit(aUnit("c.service"))).rejects.toThrow("authentication failed");
    await expect(client(access).putUnit(aUnit("c.service"))).rejects.toThrow("user name is empty");
  });
});
