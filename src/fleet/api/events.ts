import type { Clock } from "../../foundation/clock.ts";
import type { Mirror } from "../registry/registry.ts";
import { createReader, type FleetEvent } from "./event-reader.ts";

/** How many events a client may be behind before it is dropped. */
const mostUnread = 10_000;
/** So that both sides learn of a dead connection, ms. */
const heartbeatEvery = 15_000;

export interface EventStreamOptions {
  readonly clock: Clock;
  /** Only events of these units, and those that concern none; all when empty. */
  readonly units: ReadonlySet<string>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Called once, when it has ended for whatever reason. */
  readonly onEnd: () => void;
}

/**
 * Every decision and state change from now on, as server-sent events. The first event is `ready`; after `reset` the
 * registry was read anew and what happened meanwhile is not known. A client that does not read is dropped.
 */
export function eventStream(
  mirror: Mirror,
  { clock, units, signal, onEnd }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const over = new AbortController();
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const stop = AbortSignal.any([signal, over.signal]);
        const send = (text: string): void => {
          if (stop.aborted) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) < -mostUnread) over.abort(new Error("the client does not read"));
        };
        const emit = (event: FleetEvent): void => {
          if (units.size === 0 || event.unit === undefined || units.has(event.unit)) send(show(event));
        };
        const reader = createReader(mirror.snapshot);
        const stopListening = mirror.onStep((changes, revision) => {
          if (changes === undefined) reader.restart(mirror.snapshot);
          const events = changes === undefined ? [reset(revision)] : reader.read(changes, revision);
          for (const event of events) emit(event);
        });
        const end = (): void => {
          stopListening();
          onEnd();
          try {
            controller.close();
          } catch {
            // The client has gone first.
          }
        };
        if (stop.aborted) return end();
        stop.addEventListener("abort", end, { once: true });
        emit({ kind: "ready", revision: mirror.snapshot.revision, data: { fresh: mirror.fresh } });
        void tellFreshness(mirror, stop, emit).catch(() => over.abort(new Error("the mirror has ended")));
        void beat(clock, stop, () => send(":\n\n")).catch(() => undefined);
        return undefined;
      },
      cancel: () => over.abort(new Error("the client has gone")),
    },
    { highWaterMark: 1 },
  );
}

async function beat(clock: Clock, stop: AbortSignal, tick: () => void): Promise<never> {
  for (;;) {
    await clock.sleep(heartbeatEvery, stop);
    tick();
  }
}

async function tellFreshness(
  mirror: Mirror,
  stop: AbortSignal,
  emit: (event: FleetEvent) => void,
): Promise<never> {
  for (let before = mirror.fresh; ; before = mirror.fresh) {
    await mirror.changed(stop);
    if (mirror.fresh === before) continue;
    emit({ kind: "registry", revision: mirror.snapshot.revision, data: { fresh: mirror.fresh } });
  }
}

function reset(revision: bigint): FleetEvent {
  return { kind: "reset", revision, data: {} };
}

function show({ kind, revision, data }: FleetEvent): string {
  return `id: ${revision}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}
