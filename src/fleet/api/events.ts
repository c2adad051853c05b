import type { Clock } from "../../foundation/clock.ts";
import type { Snapshot } from "../model.ts";
import type { Mirror } from "../registry/registry.ts";
import { releasesIn, type Change } from "../registry/replica.ts";

/** One line of the event stream: what happened, at which revision of the registry. */
export interface FleetEvent {
  readonly kind:
    | "ready"
    | "reset"
    | "registry"
    | "machine"
    | "metadata"
    | "unit"
    | "decision"
    | "state"
    | "leader"
    | "cordon";
  readonly revision: bigint;
  /** Absent: concerns no unit. */
  readonly unit?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

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

/** Turns changes of records into what they mean, which takes knowing what was there before. */
interface Reader {
  restart(snapshot: Snapshot): void;
  read(changes: readonly Change[], revision: bigint): FleetEvent[];
}

/** @param snapshot what is there now: only what differs from it is news */
export function createReader(snapshot: Snapshot): Reader {
  let machines = new Set(snapshot.machines.keys());
  let places = placesIn(snapshot);
  let leader = snapshot.leader;
  const machine = (change: Change & { kind: "machine" }): Omit<FleetEvent, "revision"> => {
    const { id, value } = change;
    const known = machines.has(id);
    if (value === undefined) machines.delete(id);
    else machines.add(id);
    const what = value === undefined ? "left" : known ? "changed" : "joined";
    const { publicIP, version } = value ?? {};
    return { kind: "machine", data: { machineID: id, change: what, primaryIP: publicIP, version } };
  };
  const placement = (
    { unit, value }: Change & { kind: "placement" },
    why: string | undefined,
  ): Omit<FleetEvent, "revision"> => {
    const from = places.get(unit);
    if (value === undefined) places.delete(unit);
    else places.set(unit, value.machineID);
    const data =
      value === undefined
        ? { decision: "released", unit, machineID: from, reason: why }
        : { decision: "placed", unit, machineID: value.machineID, reason: value.reason };
    return { kind: "decision", unit, data };
  };
  const read = (
    change: Change,
    releases: ReadonlyMap<string, string>,
  ): Omit<FleetEvent, "revision"> | undefined => {
    switch (change.kind) {
      case "machine":
        return machine(change);
      case "placement":
        return placement(change, releases.get(change.unit));
      case "leader": {
        // The leader writes its record anew with each of its commits.
        if (change.value === leader) return undefined;
        leader = change.value;
        return { kind: "leader", data: { machineID: leader } };
      }
      default:
        return eventOf(change);
    }
  };
  return {
    restart: (now) => {
      machines = new Set(now.machines.keys());
      places = placesIn(now);
      leader = now.leader;
    },
    read: (changes, revision) => {
      const releases = releasesIn(changes);
      return changes.flatMap((change) => {
        const event = read(change, releases);
        return event === undefined ? [] : [{ ...event, revision }];
      });
    },
  };
}

function placesIn({ placements }: Snapshot): Map<string, string> {
  return new Map([...placements].map(([unit, { machineID }]) => [unit, machineID]));
}

type Plain = Extract<Change, { kind: "unit" | "metadata" | "refusal" | "state" | "cordon" }>;

function eventOf(change: Plain): Omit<FleetEvent, "revision"> {
  switch (change.kind) {
    case "unit": {
      const { name: unit, value } = change;
      const data =
        value === undefined
          ? { unit, change: "destroyed" }
          : { unit, change: "written", desiredState: value.desired };
      return { kind: "unit", unit, data };
    }
    case "cordon": {
      const { machineID, value } = change;
      return { kind: "cordon", data: { machineID, change: value === undefined ? "uncordoned" : "cordoned" } };
    }
    case "metadata": {
      const { machineID, key, value } = change;
      return { kind: "metadata", data: { machineID, key, value } };
    }
    case "refusal": {
      const { unit, value } = change;
      const data =
        value === undefined
          ? { decision: "forgiven", unit }
          : { decision: "refused", unit, reason: value.summary, reasons: value.reasons };
      return { kind: "decision", unit, data };
    }
    case "state": {
      const { unit, machineID, value } = change;
      const says = value && {
        load: value.load,
        active: value.active,
        sub: value.sub,
        hash: value.hash,
        reached: value.reached,
      };
      return {
        kind: "state",
        unit,
        data: { unit, machineID, change: value === undefined ? "gone" : "published", ...says },
      };
    }
  }
}
