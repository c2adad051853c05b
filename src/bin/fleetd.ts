import { isDeepStrictEqual } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { type Clock, systemClock } from "../foundation/clock.ts";
import { AppError, isAppError, messageOf } from "../foundation/errors.ts";
import { hostExec } from "../foundation/exec.ts";
import { readIfExists } from "../foundation/files.ts";
import { lineLog, type Log } from "../foundation/log.ts";
import { type FleetConfig, readFleetConfig } from "../fleet/config.ts";
import { type Body, createBody } from "./fleetd-body.ts";
import { closeAll, listen } from "./fleetd-listen.ts";
import { ownMemory, releaseAtRest } from "./fleetd-memory.ts";
import { isRestart } from "./fleetd-restart.ts";

const defaultFile = "/etc/fleet/fleet.conf";
const usage = `usage: fleetd [-config FILE] [-version]

fleet's agent and engine. Settings: FILE (default ${defaultFile}) and the environment, as FLEET_ETCD_SERVERS.
`;

/** Where fleetd runs. */
export interface FleetdWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Resolves when fleetd shall end (SIGTERM, SIGINT). */
  readonly asked: () => Promise<void>;
  /** Resolves when fleetd shall read its settings again (SIGHUP). */
  readonly reload: () => Promise<"reload">;
  /** Whether the end is only for a new beginning. */
  readonly restarting: (log: Log, config: FleetConfig) => Promise<boolean>;
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
    await work(call.file, config, world);
    return 0;
  } catch (error) {
    plain.error(messageOf(error), isAppError(error) ? { hint: error.hint } : {});
    if (isAppError(error)) for (const detail of error.details) plain.error(`  ${detail}`);
    else plain.error(error instanceof Error ? (error.stack ?? "") : "");
    return 1;
  }
}

/** Lives until it is asked to end; then says goodbye, or not when it is only restarted. */
async function work(file: string | undefined, first: FleetConfig, world: FleetdWorld): Promise<void> {
  process.title = "fleetd";
  const clock = systemClock();
  const onReady = (): void => tellSystemd("READY=1", logTo(world, first.verbose), world);
  const born = (config: FleetConfig): Promise<Body> =>
    createBody({ config, env: world.env, clock, log: logTo(world, config.verbose), onReady });
  let config = first;
  let body = await born(config);
  // The sockets outlive a change of settings: whoever asks meanwhile waits for the next answer, or gets 503.
  const servers = await listen({ fetch: (request) => body.api.fetch(request) }, config, world.env);
  const ended = new AbortController();
  void releaseAtRest(ownMemory(), clock, ended.signal);
  try {
    while ((await Promise.race([body.running, world.asked(), world.reload()])) === "reload") {
      const log = logTo(world, config.verbose);
      const next = await readAgain(file, config, world, log);
      if (next === undefined) continue;
      log.info("taking up new settings; nothing is given up");
      await body.life.suspend();
      await body.running;
      await body.close();
      try {
        body = await born(next);
        config = next;
      } catch (error) {
        refuse(error, log);
        body = await born(config);
      }
    }
    await end(body, { config, world, clock });
  } finally {
    ended.abort(new AppError("E_INTERRUPTED", "fleetd ends"));
    closeAll(servers);
    await body.close();
  }
}

async function end(
  { life, running }: Body,
  {
    config,
    world,
    clock,
  }: { readonly config: FleetConfig; readonly world: FleetdWorld; readonly clock: Clock },
): Promise<void> {
  const asked = clock.monotonic();
  const log = logTo(world, config.verbose);
  tellSystemd("STOPPING=1", log, world);
  if (await world.restarting(log, config)) {
    log.info("restarting: units and session stay as they are");
    await life.suspend();
  } else {
    log.info("leaving: giving all units up");
    await life.leave(asked);
    log.info("left");
  }
  await running;
}

/** The settings as they are now; undefined when nothing changed, or what is there cannot be used. */
async function readAgain(
  file: string | undefined,
  old: FleetConfig,
  { env }: FleetdWorld,
  log: Log,
): Promise<FleetConfig | undefined> {
  try {
    const { config, remarks } = readFleetConfig(await readFile(file), env);
    for (const remark of remarks) log.warn(remark);
    const { socket, listen: addresses, unitsDirectory, stateDirectory, machineIdFile, systemdUser } = old;
    const lasting = { socket, listen: addresses, unitsDirectory, stateDirectory, machineIdFile, systemdUser };
    const next = { ...config, ...lasting };
    if (!isDeepStrictEqual(next, config))
      log.warn("paths, sockets and systemd_user change only with a restart of fleetd", {
        file: file ?? defaultFile,
      });
    if (!isDeepStrictEqual(next, old)) return next;
    log.info("read the settings again: nothing has changed");
  } catch (error) {
    refuse(error, log);
  }
  return undefined;
}

function refuse(error: unknown, log: Log): void {
  log.error("the new settings cannot be used; going on with the old ones", { why: messageOf(error) });
  if (isAppError(error)) for (const detail of error.details) log.error(`  ${detail}`);
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
  let hangUp = Promise.withResolvers<"reload">();
  process.on("SIGHUP", () => {
    hangUp.resolve("reload");
    hangUp = Promise.withResolvers();
  });
  process.on("uncaughtException", (error) => {
    process.stderr.write(`<2>${(error.stack ?? error.message).replaceAll("\n", "\\n")}\n`);
    process.exit(1);
  });
  return {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    asked: () => promise,
    reload: () => hangUp.promise,
    restarting: (log, { systemdUser }) =>
      isRestart({ exec: hostExec(), env: process.env, log, user: systemdUser }),
  };
}
