import { open } from "node:fs/promises";
import { join } from "node:path";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import type { Redact } from "../../foundation/redact.ts";
import { capture, type SshConnection } from "../../foundation/ssh.ts";
import { reachNode } from "../../lifecycle/access/reach.ts";
import { patienceWith } from "../../lifecycle/access/node-access.ts";
import type { KnownCluster, World } from "../../lifecycle/cluster.ts";
import { clusterStatus } from "../../lifecycle/status.ts";
import type { Context } from "../context.ts";
import { inspectHost } from "../inspect-host.ts";
import { inspectionResult } from "../show/inspection.ts";
import { logLines, type Item, type Missing, type Source } from "./plan.ts";
import { withoutFileContents } from "./secrets.ts";
import { versions } from "./versions.ts";

export interface Tools {
  readonly context: Context;
  readonly world: World;
  readonly dir: string;
  /** The text of cluster.yaml. */
  readonly yaml: string;
  readonly cluster: KnownCluster | undefined;
  readonly redact: Redact;
}

/** A file of the bundle; nothing secret is left in it. */
export interface Gathered {
  readonly item: Item;
  readonly text: string;
}

export interface Harvest {
  readonly files: readonly Gathered[];
  readonly missing: readonly Missing[];
}

/** How much of a file is read from its end, bytes. */
const largest = 4_000_000;
/** How long a machine may take to let us in, ms. */
const reachWithin = 5_000;
/** How long each of its answers may take, ms. */
const answerWithin = 15_000;

/** Collects everything side by side. What cannot be had is told, with the reason, and keeps nothing else from coming. */
export async function gather(tools: Tools, items: readonly Item[]): Promise<Harvest> {
  const groups = Object.groupBy(items, ({ source }) => (source.kind === "command" ? source.node : ""));
  const { "": here = [], ...machines } = groups;
  const harvests = await Promise.all([
    ...here.map((item) => gatherOne(tools, item, textHere)),
    ...Object.entries(machines).map(([node, asked = []]) => fromMachine(tools, node, asked)),
  ]);
  const order = new Map(items.map(({ name }, index) => [name, index]));
  return {
    files: harvests
      .flatMap(({ files }) => files)
      .toSorted((a, b) => (order.get(a.item.name) ?? 0) - (order.get(b.item.name) ?? 0)),
    missing: harvests.flatMap(({ missing }) => missing),
  };
}

async function gatherOne(
  { world, redact, ...tools }: Tools,
  item: Item,
  read: (tools: Tools, source: Source) => Promise<string>,
): Promise<Harvest> {
  try {
    const text = await read({ world, redact, ...tools }, item.source);
    // Hidden first: half a secret is not found any more.
    return { files: [{ item, text: bounded(redact(text), item.source) }], missing: [] };
  } catch (error) {
    world.signal.throwIfAborted();
    return { files: [], missing: [{ what: item.name, why: redact(reasonOf(error)) }] };
  }
}

/** One connection for all that is asked of a machine. */
async function fromMachine(tools: Tools, node: string, items: readonly Item[]): Promise<Harvest> {
  const { world, cluster, redact } = tools;
  if (cluster === undefined) return { files: [], missing: [] };
  const patience = patienceWith(cluster.provider);
  let connection: SshConnection;
  try {
    connection = await reachNode(world, cluster, node, { timeout: reachWithin * patience });
  } catch (error) {
    world.signal.throwIfAborted();
    return { files: [], missing: [{ what: node, why: redact(reasonOf(error)) }] };
  }
  const ask = async (_: Tools, source: Source): Promise<string> =>
    source.kind === "command" ? await answer(world, connection, source.command, answerWithin * patience) : "";
  try {
    const harvests = await Promise.all(items.map((item) => gatherOne(tools, item, ask)));
    return {
      files: harvests.flatMap(({ files }) => files),
      missing: harvests.flatMap(({ missing }) => missing),
    };
  } finally {
    await connection.end();
  }
}

async function answer(
  world: World,
  connection: SshConnection,
  command: string,
  within: number,
): Promise<string> {
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(within)]);
  const { code, stdout, stderr } = await capture(connection, command, { signal });
  const ended = code === 0 ? "" : `\n(exit ${code})\n`;
  return `$ ${command}\n${stdout}${stderr}${ended}`;
}

async function textHere(tools: Tools, source: Source): Promise<string> {
  const { context, world, cluster, dir, yaml } = tools;
  switch (source.kind) {
    case "versions":
      return json(await versions(world, cluster?.state.provider));
    case "cluster-yaml":
      return withoutFileContents(yaml);
    case "doctor":
      return json(inspectionResult(await inspectHost({ ...context, emit: () => undefined }, undefined)));
    case "status":
      return cluster === undefined ? "" : json({ v: 1, ...(await clusterStatus(world, cluster)) });
    case "file":
      return await readEnd(join(dir, ".state", source.file));
    case "console":
      return cluster === undefined ? "" : await consoleText(cluster, source.node, world.signal);
    case "command":
      return "";
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function consoleText(
  { provider, ref }: KnownCluster,
  node: string,
  signal: AbortSignal,
): Promise<string> {
  let text = "";
  for await (const line of provider.console(ref, node, { follow: false, signal })) text += `${line}\n`;
  return text;
}

/** The file's text; of a very large one its end, from the beginning of a line. */
async function readEnd(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - largest);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.toString("utf8", 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    await file.close();
  }
}

/** The last lines of what grows; a history is only of use as a whole. */
function bounded(text: string, source: Source): string {
  const whole = source.kind !== "console" && source.kind !== "command" && source.kind !== "file";
  if (whole || (source.kind === "file" && source.file.startsWith("history/"))) return text;
  const lines = text.split("\n");
  // The last one is empty. What was asked, and what each of its answers begins with, stays.
  const most = source.kind === "command" ? logLines + 10 : logLines + 1;
  return lines.length <= most ? text : `(the last ${most - 1} lines)\n${lines.slice(-most).join("\n")}`;
}

function reasonOf(error: unknown): string {
  if ((error as Error | undefined)?.name === "TimeoutError") return "it did not answer in time";
  return isAppError(error) ? [error.message, ...error.details].join("; ") : messageOf(error);
}
