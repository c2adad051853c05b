import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { type Clock, systemClock } from "../foundation/clock.ts";
import { AppError, isAppError, messageOf } from "../foundation/errors.ts";
import { hostExec } from "../foundation/exec.ts";
import { readIfExists } from "../foundation/files.ts";
import { lineLog, type Log } from "../foundation/log.ts";
import { createApi } from "../fleet/api/server.ts";
import { type FleetConfig, readFleetConfig } from "../fleet/config.ts";
import { createEngine } from "../fleet/engine/engine.ts";
import type { Machine } from "../fleet/model.ts";
import { createEtcdRegistry } from "../fleet/registry/etcd.ts";
import { createDbusSystemd } from "../fleet/systemd/dbus.ts";
import { createLife, type Life } from "./fleetd-life.ts";
import { closeAll, listen } from "./fleetd-listen.ts";
import { guessPublicIP, readBootId, readMachineId } from "./fleetd-machine.ts";
import { createSessionFile, type SessionMemory } from "./fleetd-session.ts";

const defaultFile = "/etc/fleet/fleet.conf";
const usage = `usage: fleetd [-config FILE] [-version]

fleet's agent and engine. Settings: FILE (default ${defaultFile}) and the environment, as FLEET_ETCD_SERVERS.
`;

/** Where fleetd runs. */
export interface FleetdWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Resolves when fleetd shall leave (SIGTERM, SIGINT). */
  readonly asked: Promise<void>;
}

/** fleetd: `argv` without the program's name. Gives the exit code. */
export async function main(argv: readonly string[], world: FleetdWorld = hostWorld()): Promise<number> {
  const call = readArguments(argv);
  if (call === "version") {
    world.stdout(`fleetd version ${manifest.version}\n`);
    return 0;
  }
  if (call === "wrong") {
    world.stderr(`fleetd takes no arguments. Did you mean to invoke fleetctl instead?\n${usage}`);
    return 1;
  }
  const plain = logTo(world, false);
  try {
    const { config, remarks } = readFleetConfig(await readFile(call.file), world.env);
    const log = logTo(world, config.verbose);
    for (const remark of remarks) log.warn(remark);
    await work(config, log, world);
    return 0;
  } catch (error) {
    plain.error(messageOf(error), isAppError(error) ? { hint: error.hint } : {});
    if (isAppError(error)) for (const detail of error.details) plain.error(`  ${detail}`);
    else plain.error(error instanceof Error ? (error.stack ?? "") : "");
    return 1;
  }
}

/** Lives until it is asked to leave. */
async function work(config: FleetConfig, log: Log, world: FleetdWorld): Promise<void> {
  process.title = "fleetd";
  const clock = systemClock();
  const sessionFile = createSessionFile(join(config.stateDirectory, "session.json"));
  const bootId = await readBootId();
  const memory = await sessionFile.read(bootId);
  const machine = await describeMachine(config, bootId, memory);
  const registry = createEtcdRegistry({
    endpoints: config.etcdServers,
    prefix: config.etcdKeyPrefix,
    clock,
    log: log.with({ part: "etcd" }),
  });
  const systemd = createDbusSystemd({
    busAddress: world.env["DBUS_SYSTEM_BUS_ADDRESS"] ?? "unix:path=/run/dbus/system_bus_socket",
    unitsDirectory: config.unitsDirectory,
    clock,
    log: log.with({ part: "systemd" }),
  });
  const engine = createEngine({ clock, log: log.with({ part: "engine" }), ttl: config.agentTtl });
  const life = createLife({
    machine,
    registry,
    systemd,
    runEngine: config.disableEngine
      ? undefined
      : (session, mirror, signal) => engine.run(session, mirror, signal),
    ttl: config.agentTtl,
    leaseId: memory.leaseId,
    keepLease: (leaseId) => sessionFile.keep(bootId, { nonce: memory.nonce, leaseId }),
    onReady: () => tellSystemd("READY=1", log, world),
    clock,
    log,
  });
  const api = createApi({
    registry,
    mirror: () => life.mirror,
    holding: () => leftUntil(engine.status.holdingUntil, clock),
    version: manifest.version,
    tokenLimit: config.tokenLimit,
    clock,
    log: log.with({ part: "api" }),
  });
  const servers = await listen(api, config.socket, world.env);
  log.info("fleetd started", { version: manifest.version, machine: machine.id, ip: machine.publicIP });
  try {
    await untilAsked(life, world, log);
  } finally {
    closeAll(servers);
    await systemd.close();
    await registry.close();
  }
}

/** How long until the monotonic time, ms; undefined when it has passed or there is none. */
function leftUntil(time: number | undefined, clock: Clock): number | undefined {
  const left = (time ?? 0) - clock.monotonic();
  return left > 0 ? Math.ceil(left) : undefined;
}

async function untilAsked(life: Life, world: FleetdWorld, log: Log): Promise<void> {
  const running = life.run();
  await Promise.race([running, world.asked]);
  log.info("leaving: giving all units up");
  tellSystemd("STOPPING=1", log, world);
  await life.leave();
  await running;
  log.info("left");
}

async function describeMachine(config: FleetConfig, bootId: string, memory: SessionMemory): Promise<Machine> {
  return {
    id: await readMachineId(config.machineIdFile),
    publicIP: config.publicIP ?? (await guessPublicIP()),
    metadata: config.metadata,
    version: manifest.version,
    bootId,
    nonce: memory.nonce,
    leaving: false,
    joined: 0,
  };
}

/** Node cannot speak systemd's notification protocol itself. Not being heard harms nothing but the unit's state. */
function tellSystemd(what: "READY=1" | "STOPPING=1", log: Log, { env }: FleetdWorld): void {
  if (env["NOTIFY_SOCKET"] === undefined) return;
  void hostExec()
    .run({ argv: ["systemd-notify", what], timeout: 5_000 })
    .then(({ code, stderr }) => {
      if (code !== 0) log.warn(`systemd-notify ${what} failed`, { why: stderr.trim() });
    });
}

function readArguments(argv: readonly string[]): { readonly file: string | undefined } | "version" | "wrong" {
  const [first, second, ...rest] = argv;
  if (first === undefined) return { file: undefined };
  if (["version", "-version", "--version"].includes(first) && second === undefined) return "version";
  const inline = /^--?config=(.+)$/.exec(first)?.[1];
  if (inline !== undefined && second === undefined) return { file: inline };
  if (/^--?config$/.test(first) && second !== undefined && rest.length === 0) return { file: second };
  return "wrong";
}

/** The default file may be missing; one that was named must be there. */
async function readFile(named: string | undefined): Promise<string | undefined> {
  const text = await readIfExists(named ?? defaultFile);
  if (text === undefined && named !== undefined) {
    throw new AppError("E_CONFIG_INVALID", `there is no settings file ${named}`, {
      hint: "name another one with -config, or none to use the environment alone",
    });
  }
  return text;
}

function logTo(world: FleetdWorld, verbose: boolean): Log {
  return lineLog({
    write: (line) => world.stderr(`${line}\n`),
    level: verbose ? "debug" : "info",
    style: world.env["JOURNAL_STREAM"] === undefined ? "plain" : "journald",
  });
}

function hostWorld(): FleetdWorld {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve);
  process.once("SIGINT", resolve);
  // A reload of settings is a restart: nothing moves by it. Without a handler the signal would end fleetd.
  process.on("SIGHUP", () => undefined);
  process.on("uncaughtException", (error) => {
    process.stderr.write(`<2>${(error.stack ?? error.message).replaceAll("\n", "\\n")}\n`);
    process.exit(1);
  });
  return {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    asked: promise,
  };
}
