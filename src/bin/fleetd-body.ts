import { join } from "node:path";
import type { Hono } from "hono";
import manifest from "../../package.json" with { type: "json" };
import type { Clock } from "../foundation/clock.ts";
import { AppError } from "../foundation/errors.ts";
import { readIfExists } from "../foundation/files.ts";
import type { Log } from "../foundation/log.ts";
import { createApi } from "../fleet/api/server.ts";
import type { FleetConfig } from "../fleet/config.ts";
import { createEngine } from "../fleet/engine/engine.ts";
import { engineVersion } from "../fleet/engine/version.ts";
import type { Machine } from "../fleet/model.ts";
import { type EtcdAccess, type EtcdRegistry, createEtcdRegistry } from "../fleet/registry/etcd.ts";
import { createDbusSystemd } from "../fleet/systemd/dbus.ts";
import type { Systemd } from "../fleet/systemd/systemd.ts";
import { createLife, type Life } from "./fleetd-life.ts";
import { guessPublicIP, readBootId, readMachineId } from "./fleetd-machine.ts";
import { readTelemetry } from "./fleetd-telemetry.ts";
import { takeUpSession } from "./fleetd-session.ts";

/** All of fleetd that one set of settings makes; with new settings there is a new one, under the same session. */
export interface Body {
  readonly api: Hono;
  readonly life: Life;
  /** The end of `life.run`. */
  readonly running: Promise<void>;
  /** Lets go of etcd and systemd, after the life has ended. */
  close(): Promise<void>;
}

export interface BodyOptions {
  readonly config: FleetConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** This machine is registered. */
  readonly onReady: () => void;
}

/** The agent_ttl, ms, that the registry's time-outs are made for. */
const usualTtl = 4_000;

/** Brings fleetd to life. It takes up the session that an earlier one of this boot has kept. */
export async function createBody(options: BodyOptions): Promise<Body> {
  const { config, clock, log, onReady } = options;
  const bootId = await readBootId();
  const { nonce, ...taken } = await takeUpSession(
    join(config.stateDirectory, "session.json"),
    bootId,
    [config.etcdKeyPrefix, ...config.etcdServers.toSorted()].join(" "),
  );
  const machine = await describeMachine(config, { bootId, nonce });
  const registry = await openRegistry(options);
  const systemd = openSystemd(options);
  const engine = createEngine({ clock, log: log.with({ part: "engine" }), ttl: config.agentTtl });
  const life = createLife({
    machine,
    registry,
    systemd,
    runEngine: config.disableEngine
      ? undefined
      : (session, mirror, signal) => engine.run(session, mirror, signal),
    ttl: config.agentTtl,
    ...taken,
    onReady,
    clock,
    log,
  });
  const ending = new AbortController();
  const api = createApi({
    registry,
    mirror: () => life.mirror,
    absence: () => life.absence,
    holding: () => leftUntil(engine.status.holdingUntil, clock),
    version: manifest.version,
    tokenLimit: config.tokenLimit,
    telemetry: () => readTelemetry(engine, life, clock),
    signal: ending.signal,
    clock,
    log: log.with({ part: "api" }),
  });
  log.info("fleetd started", { version: manifest.version, machine: machine.id, ip: machine.publicIP });
  return {
    api,
    life,
    running: life.run(),
    close: async () => {
      ending.abort(new AppError("E_INTERRUPTED", "fleetd ends, or begins anew"));
      await systemd.close();
      await registry.close();
    },
  };
}

/** This machine as its record tells of it. */
async function describeMachine(
  config: FleetConfig,
  { bootId, nonce }: Pick<Machine, "bootId" | "nonce">,
): Promise<Machine> {
  return {
    id: await readMachineId(config.machineIdFile),
    publicIP: config.publicIP ?? (await guessPublicIP()),
    metadata: config.metadata,
    version: manifest.version,
    engine: config.disableEngine ? 0 : engineVersion,
    bootId,
    nonce,
    leaving: false,
    joined: 0,
  };
}

async function openRegistry({ config, clock, log }: BodyOptions): Promise<EtcdRegistry> {
  return createEtcdRegistry({
    endpoints: config.etcdServers,
    ...(await readAccess(config)),
    // Whoever gives machines more time before they count as dead has slow ones, which would lose time by haste.
    patience: Math.min(Math.max(1, config.agentTtl / usualTtl), 5),
    prefix: config.etcdKeyPrefix,
    clock,
    log: log.with({ part: "etcd" }),
  });
}

function openSystemd({ config, env, clock, log }: BodyOptions): Systemd {
  return createDbusSystemd({
    busAddress: busAddressFor(config, env),
    unitsDirectory: config.unitsDirectory,
    clock,
    log: log.with({ part: "systemd" }),
  });
}

/** Where systemd is reached: the system's, or that of the user that fleetd runs as. */
function busAddressFor({ systemdUser }: FleetConfig, env: BodyOptions["env"]): string {
  if (!systemdUser) return env["DBUS_SYSTEM_BUS_ADDRESS"] ?? "unix:path=/run/dbus/system_bus_socket";
  const runtime = env["XDG_RUNTIME_DIR"];
  const address =
    env["DBUS_SESSION_BUS_ADDRESS"] ?? (runtime === undefined ? undefined : `unix:path=${runtime}/bus`);
  if (address !== undefined) return address;
  throw new AppError("E_CONFIG_INVALID", "systemd_user: there is no session to run units in", {
    details: ["neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"],
    hint: "run fleetd as a service of that user ('systemctl --user'), or leave systemd_user out",
  });
}

/** The certificates that the settings name, and the password. */
async function readAccess({ etcdTls, etcdLogin }: FleetConfig): Promise<EtcdAccess> {
  const read = async (path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    const text = await readIfExists(path);
    if (text !== undefined) return text;
    throw new AppError("E_CONFIG_INVALID", `there is no file ${path}`, {
      hint: "etcd_cafile, etcd_certfile and etcd_keyfile name PEM files that fleetd can read",
    });
  };
  const [ca, cert, key] = await Promise.all([
    read(etcdTls.caFile),
    read(etcdTls.certFile),
    read(etcdTls.keyFile),
  ]);
  return { tls: { ca, cert, key }, login: etcdLogin };
}

/** How long until the monotonic time, ms; undefined when it has passed or there is none. */
function leftUntil(time: number | undefined, clock: Clock): number | undefined {
  const left = (time ?? 0) - clock.monotonic();
  return left > 0 ? Math.ceil(left) : undefined;
}
