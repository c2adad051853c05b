import type { EtcdContext } from "./context.ts";
import { WatchCreateRequest_FilterType } from "./etcd_pb.js";
import { bytes } from "./kv.ts";
import { watchFrom } from "./watch.ts";

const pauseAfterTrouble = 100;

/**
 * Resolves when the key was removed after `revision`, and now and then for no reason: the caller reads the key again and
 * decides. How often it is written until then etcd keeps to itself. Rejects with the signal's reason only.
 */
export async function nextRemovalOf(
  { members, clock }: EtcdContext,
  { key, revision }: { readonly key: string; readonly revision: bigint },
  signal: AbortSignal,
): Promise<void> {
  const seen = new AbortController();
  const stop = AbortSignal.any([signal, seen.signal]);
  const filters = [WatchCreateRequest_FilterType.NOPUT];
  const range = { key: bytes(key), rangeEnd: new Uint8Array(), filters };
  const end = await watchFrom(
    { members, clock, range, stop },
    () => revision + 1n,
    ({ events }) => {
      if (events.length > 0) seen.abort(new Error("the key was removed"));
      return undefined;
    },
  );
  signal.throwIfAborted();
  if (seen.signal.aborted || end.kind !== "broken") return;
  await clock.sleep(pauseAfterTrouble, signal);
}
