import { AppError, messageOf } from "../../../foundation/errors.ts";
import type { FedMirror } from "../mirror.ts";
import { createMirror } from "../mirror.ts";
import type { Mirror } from "../registry.ts";
import type { Change } from "../replica.ts";
import type { Decoder } from "./codec.ts";
import { createDecoder } from "./codec.ts";
import type { RangeResponse, WatchResponse } from "./etcd_pb.js";
import { Event_Type } from "./etcd_pb.js";
import { bytes, endOf, text } from "./kv.ts";
import type { EtcdContext } from "./context.ts";
import type { Layout } from "./layout.ts";
import { isOurVersion, newerLayout } from "./layout.ts";
import { watchFrom } from "./watch.ts";

interface Position {
  revision: bigint;
  cluster: bigint;
}

const pauseAfterTrouble = 100;

/** Reads everything at one revision, then watches from there; see Registry.follow. */
export async function followEtcd(context: EtcdContext, signal: AbortSignal): Promise<Mirror> {
  const closing = new AbortController();
  const mirror = createMirror({
    later: setImmediate,
    onClose: () => closing.abort(new Error("the mirror was closed")),
  });
  const stop = AbortSignal.any([signal, closing.signal, context.closed]);
  const decoder = createDecoder(context.layout, context.log);
  const position = await readAll(context, mirror, decoder, stop);
  mirror.setFresh(true);
  void keepUp({ ...context, mirror, decoder, position, stop }).catch((error: unknown) => {
    mirror.fail(error instanceof Error ? error : new AppError("E_BUG", messageOf(error)));
    if (!stop.aborted) context.log.error("no longer following the registry", { error: messageOf(error) });
  });
  return mirror;
}

interface Feed extends EtcdContext {
  readonly mirror: FedMirror;
  readonly decoder: Decoder;
  readonly stop: AbortSignal;
}

async function keepUp({ position, ...feed }: Feed & { position: Position }): Promise<never> {
  const { members, layout, mirror, log, clock, stop } = feed;
  let at = position;
  for (;;) {
    stop.throwIfAborted();
    const range = { key: bytes(layout.prefix), rangeEnd: endOf(layout.prefix) };
    const end = await watchFrom(
      { members, clock, range, stop },
      () => at.revision + 1n,
      (response) => take(feed, at, response),
    );
    if (end.kind === "moved") continue;
    mirror.setFresh(false);
    stop.throwIfAborted();
    log.warn("the watch on the registry broke", { why: end.why, revision: String(at.revision) });
    if (end.kind === "reread") {
      at = await insistOn(() => readAll(feed, mirror, feed.decoder, stop), feed);
      mirror.setFresh(true);
    } else {
      await clock.sleep(pauseAfterTrouble, stop);
    }
  }
}

async function insistOn<T>(attempt: () => Promise<T>, { clock, stop }: Feed): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof AppError && error.code !== "E_ETCD") throw error;
      await clock.sleep(pauseAfterTrouble, stop);
    }
  }
}

/** Applies what the watch brought. `reread` when it cannot be a continuation of what we have. */
function take(feed: Feed, at: Position, response: WatchResponse): "reread" | undefined {
  const { layout, decoder, mirror } = feed;
  if (response.created) {
    // Etcd was set up anew, and revisions mean nothing any more. With the settings that it had it has the same id again.
    const { clusterId, revision = 0n } = response.header ?? {};
    if (clusterId !== at.cluster || revision < at.revision) return "reread";
    mirror.setFresh(true);
    return undefined;
  }
  const changes: Change[] = [];
  for (const { type, kv } of response.events) {
    if (kv === undefined) continue;
    const value = type === Event_Type.PUT ? text(kv.value) : undefined;
    const key = text(kv.key);
    if (key === layout.version && value !== undefined) checkVersion(value);
    if (key === layout.id) mirror.origin = value;
    const change = decoder.decode(key, value, kv.createRevision);
    if (change !== undefined) changes.push(change);
    at.revision = kv.modRevision;
  }
  if (response.events.length > 0) mirror.apply(changes, at.revision);
  return undefined;
}

function checkVersion(version: string): void {
  if (!isOurVersion(version)) throw newerLayout(version);
}

async function readAll(
  { members, layout }: EtcdContext,
  mirror: FedMirror,
  decoder: Decoder,
  signal: AbortSignal,
): Promise<Position> {
  const range = { key: bytes(layout.prefix), rangeEnd: endOf(layout.prefix) };
  const found = await members.call("read", (member, options) => member.kv.range(range, options), { signal });
  const changes = changesIn(found, layout, decoder);
  const position = { revision: found.header?.revision ?? 0n, cluster: found.header?.clusterId ?? 0n };
  const id = found.kvs.find(({ key }) => text(key) === layout.id);
  mirror.origin = id && text(id.value);
  mirror.reset(changes, position.revision);
  return position;
}

function changesIn(found: RangeResponse, layout: Layout, decoder: Decoder): Change[] {
  return found.kvs.flatMap((kv) => {
    const [key, value] = [text(kv.key), text(kv.value)];
    if (key === layout.version) checkVersion(value);
    return decoder.decode(key, value, kv.createRevision) ?? [];
  });
}
