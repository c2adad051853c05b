import { DBusError, type Message } from "@jellybrick/dbus-next";
import type { Clock } from "../../foundation/clock.ts";
import { AppError, messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import { createGate } from "../../foundation/gate.ts";
import { openWire, WireLost, type BusCall, type Wire } from "./wire.ts";

/** A connection to systemd's manager that comes back by itself. */
export interface Link {
  /** Calls the manager; waits for a connection and tries again when it breaks, until `within` ms are over. */
  call(
    member: string,
    signature: string,
    body: readonly unknown[],
    options?: CallOptions,
  ): Promise<readonly unknown[]>;
  close(): void;
}

export interface CallOptions {
  /** ms, waiting for a connection and trying again included; the link's patience when not given. */
  readonly within?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LinkOptions {
  readonly address: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSignal: (message: Message) => void;
  /** How long a call may take when it says nothing itself, ms. */
  readonly patience: number;
  /**
   * A new connection is subscribed: what happened while there was none is to be looked up. `lost` aborts when it is gone
   * again: nothing is done for the next one before this has ended.
   */
  readonly onUp: (lost: AbortSignal) => Promise<void>;
}

/** dbus-daemon allows 128 pending replies a connection; half of that leaves room and is as fast. */
const inFlight = 64;
const subscribeWithin = 10_000;
const retryAfter = 100;
const pingEvery = 5_000;
const pingWithin = 2_000;

const systemd = "org.freedesktop.systemd1";
const manager = { destination: systemd, path: "/org/freedesktop/systemd1", interface: `${systemd}.Manager` };
const bus = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};
const rules = [
  ...["JobRemoved", "UnitRemoved"].map(
    (member) =>
      `type='signal',sender='${systemd}',interface='${systemd}.Manager',path='${manager.path}',member='${member}'`,
  ),
  `type='signal',sender='${systemd}',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',` +
    `path_namespace='/org/freedesktop/systemd1/unit',arg0='${systemd}.Unit'`,
  `type='signal',sender='${bus.destination}',interface='${bus.interface}',member='NameOwnerChanged',arg0='${systemd}'`,
];

/** The callee was not there or went away: the next try may find it. */
const passing = new Set(
  ["ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected", "Timeout"].map(
    (name) => `org.freedesktop.DBus.Error.${name}`,
  ),
);

export function createLink(options: LinkOptions): Link {
  const { clock } = options;
  const closed = new AbortController();
  const gate = createGate(inFlight);
  const connection = keepConnected(options, closed.signal);

  const attempt = async (call: BusCall, until: number, stop: AbortSignal): Promise<readonly unknown[]> => {
    for (;;) {
      const left = until - clock.monotonic();
      if (left <= 0)
        throw new AppError("E_SYSTEMD", `systemd did not answer ${call.member} over D-Bus in time`);
      const { wire } = connection;
      if (wire === undefined) await raceWith(connection.up, clock, left, stop);
      else {
        try {
          return await wire.call(call, left, stop);
        } catch (error) {
          stop.throwIfAborted();
          if (!isPassing(error)) throw error;
          await clock.sleep(retryAfter, stop);
        }
      }
    }
  };

  return {
    call: (member, signature, body, { within = options.patience, signal } = {}) =>
      gate.pass(() => {
        const stop = signal === undefined ? closed.signal : AbortSignal.any([closed.signal, signal]);
        stop.throwIfAborted();
        const call = signature === "" ? { ...manager, member } : { ...manager, member, signature, body };
        return attempt(call, clock.monotonic() + within, stop);
      }),
    close: () => {
      closed.abort(new AppError("E_INTERRUPTED", "the connection to systemd was closed"));
      connection.wire?.close();
    },
  };
}

/** The connection while there is one, subscribed to what systemd tells. */
interface Connection {
  readonly wire: Wire | undefined;
  /** Resolves when there is one. */
  readonly up: Promise<void>;
}

/** Connects, again and again, until the signal aborts; the last connection is then the caller's to close. */
function keepConnected(options: LinkOptions, closed: AbortSignal): Connection {
  const { clock, log } = options;
  let wire: Wire | undefined;
  let up = Promise.withResolvers<void>();

  const live = async (): Promise<void> => {
    const next = await openWire({
      ...options,
      onSignal: (message) => {
        // systemd left the bus or joined it anew: it has forgotten who subscribed.
        if (message.member === "NameOwnerChanged" && message.body[0] === systemd) next.close();
        else options.onSignal(message);
      },
    });
    try {
      for (const rule of rules)
        await next.call({ ...bus, member: "AddMatch", signature: "s", body: [rule] }, subscribeWithin);
      await next.call({ ...manager, member: "Subscribe" }, subscribeWithin);
      wire = next;
      up.resolve();
      log.debug("connected to systemd over D-Bus");
      await options.onUp(next.lost);
      await keepPinging(next, clock);
    } finally {
      next.close();
      if (wire === next) {
        wire = undefined;
        up = Promise.withResolvers();
      }
    }
  };
  const keep = async (): Promise<void> => {
    while (!closed.aborted) {
      await live().catch((error: unknown) => {
        if (!closed.aborted) log.warn("no connection to systemd", { why: messageOf(error) });
      });
      await clock.sleep(retryAfter, closed).catch(() => undefined);
    }
  };
  void keep();

  return {
    get wire() {
      return wire;
    },
    get up() {
      return up.promise;
    },
  };
}

function isPassing(error: unknown): boolean {
  return error instanceof WireLost || (error instanceof DBusError && passing.has(error.type));
}

/** A bus that hangs without closing the connection is noticed by its silence. */
async function keepPinging(wire: Wire, clock: Clock): Promise<never> {
  for (;;) {
    await clock.sleep(pingEvery, wire.lost);
    await wire.call({ ...bus, member: "GetId" }, pingWithin);
  }
}

/** Waits for the work, but not past the time nor the signal; running out of time is left to the caller to see. */
async function raceWith<T>(work: Promise<T>, clock: Clock, ms: number, stop: AbortSignal): Promise<T> {
  const over = new AbortController();
  const timer = clock.sleep(ms, AbortSignal.any([over.signal, stop])).then(() => {
    throw new WireLost("no answer in time");
  });
  timer.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timer]);
  } finally {
    over.abort(new Error("done"));
  }
}
