import type { Clock } from "../../foundation/clock.ts";
import { type LayerName, layerNames, type Layers, type LayerState, type Probes } from "./layer.ts";

export interface WatchOptions {
  readonly clock: Clock;
  /** Ends the watch early. */
  readonly signal: AbortSignal;
  readonly onChange: (layers: Layers) => void;
}

/** Between two looks at a layer, ms. All that is looked at is on this machine. */
const pause = 100;
/** Looking takes at most this part of the time, since a slow machine has better things to do. */
const share = 1 / 5;
/** How long a layer may take to answer, ms: at first, and at most when it was silent before. */
const patience = { first: 1_500, most: 12_000 };
/** The same when it is asked only once. */
const onePatience = 3_000;

/** Looks at all layers once. */
export async function lookOnce(probes: Probes): Promise<Layers> {
  const states = await Promise.all(
    layerNames.map(async (name) => [name, await probes[name](AbortSignal.timeout(onePatience))] as const),
  );
  return Object.fromEntries(states) as Record<LayerName, LayerState>;
}

/**
 * Looks at all layers again and again, each at its own pace, and tells of every change, until all work at once (true)
 * or the signal aborts (false).
 */
export async function watchLayers(
  probes: Probes,
  { clock, signal, onChange }: WatchOptions,
): Promise<boolean> {
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const states: Partial<Record<LayerName, LayerState>> = {};
  let told = "";
  const note = (name: LayerName, state: LayerState): void => {
    states[name] = state;
    const layers = complete(states);
    const line = JSON.stringify(layers);
    if (layers === undefined || line === told || ended.aborted) return;
    told = line;
    onChange(layers);
    if (layerNames.every((layer) => layers[layer].ok)) done.abort();
  };
  await Promise.all(
    layerNames.map(async (name) => {
      let within = patience.first;
      while (!ended.aborted) {
        const begun = clock.monotonic();
        const limit = AbortSignal.timeout(within);
        note(name, await probes[name](AbortSignal.any([ended, limit])));
        within = limit.aborted ? Math.min(within * 2, patience.most) : within;
        // Silence was waiting, not work.
        const took = limit.aborted ? 0 : clock.monotonic() - begun;
        const rest = Math.max(pause, took * (1 / share - 1));
        if (!ended.aborted) await clock.sleep(rest, ended).catch(() => undefined);
      }
    }),
  );
  return done.signal.aborted;
}

/** The layers in their order, once each was looked at. */
function complete(states: Readonly<Partial<Record<LayerName, LayerState>>>): Layers | undefined {
  const { "cloud-config": cloudConfig, etcd, docker, fleet } = states;
  if (cloudConfig === undefined || etcd === undefined || docker === undefined || fleet === undefined)
    return undefined;
  return { "cloud-config": cloudConfig, etcd, docker, fleet };
}
