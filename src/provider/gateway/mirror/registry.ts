import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { waitFor } from "../../../foundation/clock.ts";
import { AppError } from "../../../foundation/errors.ts";
import type { Exec } from "../../../foundation/exec.ts";
import { lastLines, mustRun } from "../../../foundation/exec.ts";
import { readIfExists, writeAtomically } from "../../../foundation/files.ts";
import type { MirroredImage } from "./content.ts";
import { familiarName, mirroredImages } from "./content.ts";
import { pushImage } from "./push.ts";

/** The cluster's own registry: Debian's docker-registry, listening on the gateway's address only. */
export interface MirrorPlan {
  readonly gateway: string;
  readonly stateDir: string;
}

const port = 5000;

function mirrorUrl(gateway: string): string {
  return `http://${gateway}:${port}`;
}

/** Writes the registry's settings and gives the command that runs it. */
export async function registryCommand({
  gateway,
  stateDir,
}: MirrorPlan): Promise<readonly [string, ...string[]]> {
  const cache = join(stateDir, "cache");
  const settings = join(cache, "registry.yml");
  await mkdir(join(stateDir, "logs"), { recursive: true });
  await writeAtomically(settings, registryConfig(gateway, join(cache, "registry")));
  return ["docker-registry", "serve", settings];
}

/**
 * Waits until the mirror answers and puts the images in that it does not have.
 * @throws E_TIMEOUT when it does not answer within 10 s
 */
export async function fillMirror(
  options: MirrorPlan & { readonly clock: Clock },
  images: readonly MirroredImage[],
  signal: AbortSignal,
): Promise<void> {
  const url = mirrorUrl(options.gateway);
  const answers = await waitFor(async () => ((await answersAt(url, signal)) ? true : undefined), {
    clock: options.clock,
    every: 20,
    within: 10_000,
    signal,
  });
  if (answers === undefined) {
    const log = (await readIfExists(logFile(options.stateDir))) ?? "";
    throw new AppError("E_TIMEOUT", `the registry mirror at ${url} does not answer`, {
      details: lastLines(log, 5),
      hint: `its log is ${logFile(options.stateDir)}`,
    });
  }
  for (const image of images) await pushImage(url, image, signal);
}

/** How long the registry may take to say that it is there, ms. */
const answerWithin = 2_000;

async function answersAt(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)]);
    return (await fetch(`${url}/v2/`, { signal: limit })).ok;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** What the mirror is to hold, made from the host's busybox: all that can be made, or those with these names. */
export async function makeImages(exec: Exec, names?: readonly string[]): Promise<readonly MirroredImage[]> {
  const applets = await mustRun(exec, { argv: ["/bin/busybox", "--list"] });
  const busybox = { program: await readFile("/bin/busybox"), applets: applets.trim().split("\n") };
  const images = mirroredImages(busybox, process.arch === "x64" ? "amd64" : process.arch);
  return names === undefined ? images : images.filter((image) => names.includes(familiarName(image)));
}

function registryConfig(gateway: string, storage: string): string {
  return `version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: ${JSON.stringify(storage)}}
http: {addr: "${gateway}:${port}"}
`;
}

/** What the registry says. */
export function logFile(stateDir: string): string {
  return join(stateDir, "logs", "mirror.log");
}
