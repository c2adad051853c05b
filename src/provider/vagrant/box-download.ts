import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import type { Report } from "../provider.ts";

/** A box that Vagrant fetches by itself at the first `up`. */
export interface RemoteBox {
  readonly name: string;
  /** Of its list of versions, or of the box itself. */
  readonly url: string;
  /** `current`, or one release. */
  readonly version: string;
}

interface Metadata {
  readonly versions?: readonly {
    readonly version: string;
    readonly providers?: readonly { readonly name: string; readonly url: string }[];
  }[];
}

/** How long a server may take to say something, ms. Vagrant itself is more patient. */
const answerWithin = 10_000;

/**
 * Says what Vagrant is about to download, how large it is and from where; nothing when Vagrant has it already.
 * @param home Vagrant's own folder
 * @throws E_COMMAND_FAILED when the server says that there is no such box; what it does not say is left to Vagrant
 */
export async function announceDownload(
  box: RemoteBox,
  home: string,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  if (await isInstalled(box, home)) return;
  const url = box.url.replaceAll("%{version}", box.version);
  const found = await findFile(url, signal);
  const version = found.version ?? (box.version === "current" ? undefined : box.version);
  const name = version === undefined ? box.name : `${box.name} ${version}`;
  const size = found.size === undefined ? "of unknown size" : `${Math.round(found.size / 1_000_000)} MB`;
  report(`Vagrant downloads the box ${name} (${size}) from ${found.url}`);
}

async function isInstalled({ name, version }: RemoteBox, home: string): Promise<boolean> {
  const folder = join(home, "boxes", name.replaceAll("/", "-VAGRANTSLASH-"));
  const versions: readonly string[] = await readdir(folder).catch(() => []);
  return version === "current"
    ? versions.some((entry) => /^\d/.test(entry))
    : versions.includes(version) || versions.includes("0");
}

interface Found {
  readonly url: string;
  readonly version: string | undefined;
  /** Bytes. */
  readonly size: number | undefined;
}

async function findFile(url: string, signal: AbortSignal): Promise<Found> {
  if (url.endsWith(".box")) return { url, version: undefined, size: await sizeOf(url, signal) };
  const answer = await ask(url, "GET", signal);
  const metadata = (await answer?.json().catch(() => undefined)) as Metadata | undefined;
  const newest = metadata?.versions?.at(-1);
  const file = newest?.providers?.find((provider) => provider.name === "virtualbox")?.url;
  if (newest === undefined || file === undefined) return { url, version: undefined, size: undefined };
  return { url: file, version: newest.version, size: await sizeOf(file, signal) };
}

async function sizeOf(url: string, signal: AbortSignal): Promise<number | undefined> {
  const length = Number((await ask(url, "HEAD", signal))?.headers.get("content-length") ?? Number.NaN);
  return Number.isFinite(length) && length > 0 ? length : undefined;
}

/** Undefined when nobody answers: a proxy may be in between, which Vagrant knows of. */
async function ask(url: string, method: "GET" | "HEAD", signal: AbortSignal): Promise<Response | undefined> {
  if (!/^https?:/.test(url)) return undefined;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)]);
  const answer = await fetch(url, { method, signal: limit }).catch(() => undefined);
  signal.throwIfAborted();
  if (answer === undefined || answer.ok) return answer;
  if (answer.status !== 404 && answer.status !== 410) return undefined;
  throw new AppError("E_COMMAND_FAILED", `there is no box at its address (HTTP ${answer.status})`, {
    details: [url],
    hint: "check os.channel, os.version and os.mirror in cluster.yaml",
  });
}
