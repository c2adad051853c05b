import type { EventEmitter } from "node:events";
import { DBusError, Message, MessageType, sessionBus, type MessageBus } from "@jellybrick/dbus-next";
import type { Clock } from "../../foundation/clock.ts";
import { AppError, messageOf } from "../../foundation/errors.ts";

/** One method call. */
export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** One connection to a bus: from its greeting until it breaks, never longer. */
export interface Wire {
  /** Rejects with DBusError (the callee's answer), WireLost or the signal's reason; waits `within` ms at most. */
  call(call: BusCall, within: number, signal?: AbortSignal): Promise<readonly unknown[]>;
  /** Aborts when the connection is gone. */
  readonly lost: AbortSignal;
  close(): void;
}

/** The connection broke or stayed silent before the answer came: whether the call was carried out is unknown. */
export class WireLost extends AppError {
  constructor(message: string) {
    super("E_SYSTEMD", message);
  }
}

export interface WireOptions {
  /** As D-Bus writes it, e.g. `unix:path=/run/dbus/system_bus_socket`. */
  readonly address: string;
  readonly clock: Clock;
  readonly onSignal: (message: Message) => void;
}

/** How long the bus may take to greet us, ms. */
const greeting = 3_000;

/** Connects. Rejects with WireLost when the bus does not greet in time. */
export async function openWire(options: WireOptions): Promise<Wire> {
  const bus = sessionBus({ busAddress: options.address });
  const gone = new AbortController();
  const lose = (why: string): void => {
    if (!gone.signal.aborted) gone.abort(new WireLost(why));
  };
  bus.on(
    "error" as "connect",
    ((error: Error) => lose(`the connection to D-Bus broke: ${error.message}`)) as () => void,
  );
  endOf(bus).on("end", () => lose("D-Bus closed the connection"));
  bus.on("message", (message) => {
    if (message.type === MessageType.SIGNAL) options.onSignal(message);
  });
  const wire: Wire = {
    call: async (call, within, signal) => {
      // The library throws at once where the connection is closed already; as a promise, that is judged with the rest.
      const asking = async (): Promise<Message | null> =>
        await bus.call(new Message({ ...call, body: [...(call.body ?? [])] }));
      const reply = await bounded(asking(), {
        clock: options.clock,
        within,
        lost: signal === undefined ? gone.signal : AbortSignal.any([gone.signal, signal]),
        late: `${call.member} got no answer over D-Bus within ${within} ms`,
      });
      return reply?.body ?? [];
    },
    lost: gone.signal,
    close: () => {
      lose("the connection to D-Bus was closed");
      bus.disconnect();
    },
  };
  try {
    const connected = new Promise<null>((resolve) => bus.once("connect", () => resolve(null)));
    await bounded(connected, {
      clock: options.clock,
      within: greeting,
      lost: gone.signal,
      late: `no bus answers at ${options.address}`,
    });
    return wire;
  } catch (error) {
    wire.close();
    throw error;
  }
}

/** The bus object does not pass on that its connection ended; the connection inside it does. */
function endOf(bus: MessageBus): EventEmitter {
  return (bus as unknown as { readonly _connection: EventEmitter })._connection;
}

interface Bound {
  readonly clock: Clock;
  readonly within: number;
  readonly lost: AbortSignal;
  readonly late: string;
}

/** The library never settles a call whose connection broke, so each gets an end of our own. */
async function bounded<T>(work: Promise<T>, bound: Bound): Promise<T> {
  const over = new AbortController();
  const timer = bound.clock.sleep(bound.within, AbortSignal.any([over.signal, bound.lost])).then(
    () => {
      throw new WireLost(bound.late);
    },
    (error: unknown) => {
      throw error;
    },
  );
  try {
    return await Promise.race([work, timer]);
  } catch (error) {
    // What the library itself throws (a stream that is closed already) means the same as a lost connection.
    if (error instanceof DBusError || error instanceof WireLost) throw error;
    bound.lost.throwIfAborted();
    throw new WireLost(messageOf(error));
  } finally {
    over.abort(new Error("answered"));
    work.catch(() => undefined);
    timer.catch(() => undefined);
  }
}
