import type { Clock } from "../../../foundation/clock.ts";
import { isAppError, messageOf } from "../../../foundation/errors.ts";
import type { WatchCreateRequest_FilterType, WatchResponse } from "./etcd_pb.js";
import type { Member, Members } from "./members.ts";

interface Watching {
  readonly members: Members;
  readonly clock: Clock;
  readonly range: {
    readonly key: Uint8Array;
    readonly rangeEnd: Uint8Array;
    /** What shall not be told. */
    readonly filters?: WatchCreateRequest_FilterType[];
  };
  readonly stop: AbortSignal;
}

/**
 * Why a watch has ended. `moved`: another member has become the better one to ask. `reread`: what is missing can no
 * longer be had by watching. `broken`: anything else; go on from where it was.
 */
export type WatchEnd =
  | { readonly kind: "moved" }
  | { readonly kind: "reread" | "broken"; readonly why: string };

/** A member that is well opens a watch at once; a frozen one never does. */
const openWithin = 1_000;

/**
 * Watches through the current member until the watch breaks, or until another member becomes current: calls notice a
 * frozen member within 300 ms, the watch itself only by its ping. A broken watch makes the next try go to another
 * member.
 */
export async function watchFrom(
  watching: Watching,
  from: () => bigint,
  take: (response: WatchResponse) => "reread" | undefined,
): Promise<WatchEnd> {
  const { members, clock, range, stop } = watching;
  const member = members.current;
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  let moved = false;
  void members.moved(member, signal).then(() => {
    moved = !signal.aborted;
    over.abort(new Error("moved to another member"));
  });
  const opening = new AbortController();
  void lateOpening(
    { clock, within: openWithin * members.patience },
    AbortSignal.any([signal, opening.signal]),
    over,
  );
  try {
    const headers = await members.headersFor(member, signal);
    const request = { ...range, startRevision: from() };
    for await (const response of member.watch.watch(once(request, signal), { signal, headers })) {
      if (!opening.signal.aborted) opening.abort(new Error("the watch has opened"));
      if (response.compactRevision > 0n) return { kind: "reread", why: "its revision was compacted" };
      if (response.canceled) return broken(members, member, response.cancelReason);
      if (take(response) === "reread")
        return { kind: "reread", why: "etcd is not the one that it was, or behind it" };
    }
    return broken(members, member, "etcd ended it");
  } catch (error) {
    if (isAppError(error)) throw error;
    if (moved) return { kind: "moved" };
    return broken(members, member, over.signal.aborted ? messageOf(over.signal.reason) : messageOf(error));
  } finally {
    over.abort(new Error("the watch is over"));
  }
}

async function lateOpening(
  { clock, within }: { readonly clock: Clock; readonly within: number },
  opened: AbortSignal,
  over: AbortController,
): Promise<void> {
  try {
    await clock.sleep(within, opened);
    over.abort(new Error(`it did not open within ${within} ms`));
  } catch {
    // It has opened, or was given up, in time.
  }
}

function broken(members: Members, member: Member, why: string): WatchEnd {
  members.distrust(member);
  return { kind: "broken", why: `${member.url}: ${why}` };
}

/** Sends the request, then keeps the sending side open, which is what keeps the watch alive. */
async function* once<T>(
  request: T,
  signal: AbortSignal,
): AsyncGenerator<{ request: { case: "createRequest"; value: T } }> {
  yield { request: { case: "createRequest", value: request } };
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    return undefined;
  });
}
