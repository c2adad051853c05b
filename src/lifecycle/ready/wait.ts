import { capture } from "../../foundation/ssh.ts";
import { explainDiscovery } from "../../discovery/explain.ts";
import { waitFor } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { lastLines } from "../../foundation/exec.ts";
import type { ClusterRef, Provider } from "../../provider/provider.ts";
import type { World } from "../cluster.ts";
import { consoleTail } from "./console.ts";
import type { Login } from "../state/keys.ts";
import { layerDeadlines, layerMeanings, layerNames, type LayerName } from "./layers.ts";
import { patienceWith, type NodeTarget } from "../access/node-access.ts";
import { followReady, readyProgram, type ReadyStream } from "./ready-stream.ts";

/** Which layer each machine is waiting for, so that a time-out can blame the machine that holds the others up. */
export type LayerBoard = Map<string, { readonly node: NodeTarget; readonly layer: LayerName }>;

export interface WaitRequest {
  readonly world: World;
  readonly provider: Provider;
  readonly ref: ClusterRef;
  readonly login: Login;
  readonly node: NodeTarget;
  /** How many machines fleet shall list. */
  readonly machines: number;
  readonly board: LayerBoard;
  readonly signal: AbortSignal;
}

/**
 * Waits until every layer of a node answers.
 * @throws E_TIMEOUT naming the silent layer and node, with the node's last log lines; E_CLOUD_CONFIG_INVALID; E_HOST_KEY
 */
export async function waitUntilReady(request: WaitRequest): Promise<void> {
  const { world, node, board } = request;
  const begin = world.clock.monotonic();
  const passed = (layer: LayerName): void => {
    world.emit({ kind: "layer", node: node.name, layer, ms: Math.round(world.clock.monotonic() - begin) });
  };
  try {
    await waitFromOutside(request, passed);
    await waitFromInside(request, passed);
  } finally {
    board.delete(node.name);
  }
}

function deadlineOf({ provider }: WaitRequest, layer: LayerName): number {
  return layerDeadlines[layer] * patienceWith(provider);
}

/** booted, network, sshd: what can be seen without a login. */
async function waitFromOutside(request: WaitRequest, passed: (layer: LayerName) => void): Promise<void> {
  const { world, provider, ref, node, signal } = request;
  const until = async (layer: LayerName, look: () => Promise<boolean>): Promise<void> => {
    request.board.set(node.name, { node, layer });
    const within = deadlineOf(request, layer);
    const seen = async (): Promise<true | undefined> => ((await look()) ? true : undefined);
    const found = await waitFor(seen, { clock: world.clock, every: 25, within, signal });
    if (found === undefined) throw await silent(request, layer, undefined);
    passed(layer);
  };
  await until("booted", async () => (await provider.machines(ref)).get(node.name)?.state === "running");
  let answer = await world.access.knock(node, 500, signal);
  await until("network", async () => {
    if (answer === "silent") answer = await world.access.knock(node, 500, signal);
    return answer !== "silent";
  });
  await until("sshd", async () => {
    if (answer !== "open") answer = await world.access.knock(node, 500, signal);
    return answer === "open";
  });
}

/** cloud-config, etcd, docker, fleet: what the node says of itself. */
async function waitFromInside(request: WaitRequest, passed: (layer: LayerName) => void): Promise<void> {
  const { world, node, login, machines } = request;
  const end = new AbortController();
  const signal = AbortSignal.any([request.signal, end.signal]);
  const stream = followReady({ world, login, node, machines, signal });
  try {
    for (const layer of layerNames.slice(layerNames.indexOf("cloud-config"))) {
      request.board.set(node.name, { node, layer });
      await untilReported(request, stream, layer);
      passed(layer);
    }
  } finally {
    end.abort();
  }
}

async function untilReported(
  request: WaitRequest,
  stream: ReturnType<typeof followReady>,
  layer: LayerName,
): Promise<void> {
  const { world, node } = request;
  const timer = new AbortController();
  const signal = AbortSignal.any([request.signal, timer.signal]);
  const lateFrom = (): Promise<"late"> => {
    const late = world.clock.sleep(deadlineOf(request, layer), signal).then(() => "late" as const);
    late.catch(() => undefined);
    return late;
  };
  let late = lateFrom();
  try {
    for (;;) {
      const report = stream.report[layer];
      if (report?.ok === true) return;
      if (report?.failed === true) throw broken(node, layer, report.why);
      const news = await Promise.race([stream.changed().then(() => "news" as const), late, stream.failed]);
      if (news !== "late") continue;
      if (!isHeldUp(request, layer)) throw await silent(request, layer, stream);
      late = lateFrom();
    }
  } finally {
    timer.abort();
  }
}

/** Whether another machine is not as far yet: this layer may need it, and it has a time-out of its own. */
function isHeldUp({ board, node }: WaitRequest, layer: LayerName): boolean {
  const at = layerNames.indexOf(layer);
  return [...board.values()].some(
    (other) => other.node.name !== node.name && layerNames.indexOf(other.layer) < at,
  );
}

function broken(node: NodeTarget, layer: LayerName, why: string | undefined): AppError {
  const details = why === undefined ? [] : [why];
  return layer === "cloud-config"
    ? new AppError("E_CLOUD_CONFIG_INVALID", `the cloud-config of ${node.name} could not be applied`, {
        details,
        hint: `see 'cluster logs ${node.name}', mend userData in cluster.yaml, then 'cluster provision ${node.name}'`,
      })
    : new AppError("E_NODE_UNREACHABLE", `${layer} of ${node.name} failed`, {
        details,
        hint: `see 'cluster logs ${node.name}'`,
      });
}

/** How much of a node's log a time-out shows. */
const shownLines = 12;

/** The time-out's error. When another machine hangs at an earlier layer, that one is to blame. */
async function silent(
  request: WaitRequest,
  layer: LayerName,
  stream: ReadyStream | undefined,
): Promise<AppError> {
  const order = (name: LayerName): number => layerNames.indexOf(name);
  const worst = [...request.board.values()].sort((a, b) => order(a.layer) - order(b.layer))[0];
  const blamed =
    worst !== undefined && order(worst.layer) < order(layer) ? worst : { node: request.node, layer };
  const mine = blamed.node.name === request.node.name;
  const why = mine ? (stream?.report[layer]?.why ?? stream?.trouble) : undefined;
  const others = [...request.board.values()].filter(({ node }) => node.name !== blamed.node.name);
  const words = await lastWords(request, blamed.node, blamed.layer);
  const discovery = blamed.layer === "etcd" ? explainDiscovery(words) : undefined;
  return new AppError(
    "E_TIMEOUT",
    `${blamed.node.name}: ${blamed.layer} is silent (waited ${deadlineOf(request, blamed.layer) / 1_000} s until ${layerMeanings[blamed.layer]})`,
    {
      details: [
        ...(why === undefined ? [] : [why]),
        ...others.map(({ node, layer: at }) => `${node.name} is waiting for: ${layerMeanings[at]}`),
        ...words.slice(-shownLines),
        ...(discovery === undefined ? [] : [discovery.meaning]),
      ],
      hint: discovery?.hint ?? `see 'cluster logs ${blamed.node.name}'; 'cluster up' tries again from here`,
    },
  );
}

/** What the node's own programs logged, else its console. */
async function lastWords(
  request: WaitRequest,
  node: NodeTarget,
  layer: LayerName,
): Promise<readonly string[]> {
  const { world, provider, ref, login } = request;
  if (layerNames.indexOf(layer) > layerNames.indexOf("sshd")) {
    try {
      const signal = AbortSignal.timeout(5_000);
      const connection = await world.access.connect(node, login, { timeout: 3_000, signal });
      try {
        const said = await capture(connection, `${readyProgram} --explain`, { signal });
        const lines = lastLines(said.stdout, Number.MAX_SAFE_INTEGER);
        if (lines.length > 0) return lines;
      } finally {
        await connection.end();
      }
    } catch (error) {
      world.log.debug("the node could not explain itself", { node: node.name, error: String(error) });
    }
  }
  return await consoleTail(provider, ref, node.name, shownLines);
}
