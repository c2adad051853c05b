import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { waitFor } from "../../../foundation/clock.ts";
import { AppError } from "../../../foundation/errors.ts";
import { lastLines } from "../../../foundation/exec.ts";
import { readIfExists } from "../../../foundation/files.ts";
import type { HostNames } from "../names.ts";
import { endSupervisor, findSupervisor } from "./process.ts";
import { call } from "./rpc.ts";

export interface LaunchOptions {
  readonly names: HostNames;
  readonly stateDir: string;
  /** Its last argument is added: the state folder. */
  readonly command: readonly string[];
  readonly clock: Clock;
}

/**
 * Makes sure that the cluster's supervisor answers; one that exists and does not is replaced. It outlives us.
 * @throws E_TIMEOUT with its last words when it does not answer within 15 s
 */
export async function ensureSupervisor(options: LaunchOptions, signal: AbortSignal): Promise<void> {
  const { names, stateDir, clock } = options;
  if (await answers(names, clock, signal)) return;
  const silent = await findSupervisor(names);
  if (silent !== undefined) await endSupervisor(silent, clock, 0);
  await mkdir(join(stateDir, "logs"), { recursive: true });
  const log = join(stateDir, "logs", "supervisor.log");
  const ended = startDetached(options, log);
  const up = await waitFor(
    async () => (ended() ? "ended" : (await answers(names, clock, signal)) ? "answers" : undefined),
    { clock, every: 10, within: 15_000, signal },
  );
  if (up === "answers") return;
  throw new AppError("E_TIMEOUT", "the cluster's supervisor does not start", {
    details: lastLines((await readIfExists(log)) ?? "", 6),
    hint: `its log is ${log}`,
  });
}

/** Pure: how to start it. Under systemd as a unit of its own, so that it survives the end of the user's session. */
export function launchArgv(
  options: Pick<LaunchOptions, "names" | "stateDir" | "command">,
  log: string,
  underSystemd: boolean,
): readonly string[] {
  const command = [...options.command, options.stateDir];
  if (!underSystemd) return command;
  return [
    "systemd-run",
    "--quiet",
    "--collect",
    `--unit=flotilla-${options.names.id}`,
    `--description=Flotilla's supervisor of ${options.names.alias}`,
    "--property=KillMode=process",
    `--property=StandardOutput=append:${log}`,
    `--property=StandardError=append:${log}`,
    "--",
    ...command,
  ];
}

/** @returns whether it has ended too early */
function startDetached(options: LaunchOptions, log: string): () => boolean {
  const underSystemd = systemdRunsThisNetwork();
  const [file, ...args] = launchArgv(options, log, underSystemd);
  const out = openSync(log, "a");
  const child = spawn(file ?? "", args, { detached: true, cwd: "/", stdio: ["ignore", out, out] });
  let failed = false;
  child.on("error", () => (failed = true));
  child.unref();
  closeSync(out);
  // systemd-run itself ends with 0 as soon as the unit runs.
  return () => failed || (child.exitCode !== null && !(underSystemd && child.exitCode === 0));
}

/** systemd would start it in its own network namespace, which is the wrong one if we are in another. */
function systemdRunsThisNetwork(): boolean {
  const network = (pid: string): string => readlinkSync(`/proc/${pid}/ns/net`);
  return existsSync("/run/systemd/system") && network("1") === network("self");
}

async function answers(names: HostNames, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const patience = new AbortController();
  const silent = clock.sleep(2_000, patience.signal).then(
    () => false,
    () => false,
  );
  const asked = call(names.socket, { method: "ping" }, AbortSignal.any([signal, patience.signal])).then(
    (answer) => answer !== undefined,
    () => false,
  );
  const result = await Promise.race([asked, silent]);
  patience.abort();
  signal.throwIfAborted();
  return result;
}
