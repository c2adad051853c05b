import { createGate } from "../../foundation/gate.ts";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../foundation/log.ts";

/** A port of this host's loopback that nodes shall reach at the gateway's address: a proxy that listens for itself only. */
export interface Relay {
  /** `127.0.0.1`, `localhost` or `::1`. */
  readonly host: string;
  readonly port: number;
}

export interface Relays {
  /** Opens what is wanted and not open, closes what is open and no longer wanted. */
  apply(gateway: string, wanted: readonly Relay[]): Promise<void>;
  close(): void;
}

interface Door {
  close(): void;
}

export function createRelays(log: Log): Relays {
  const open = new Map<string, Door>();
  const oneByOne = createGate(1);
  const apply = async (gateway: string, wanted: readonly Relay[]): Promise<void> => {
    const keyOf = (relay: Relay): string => `${gateway} ${relay.host} ${relay.port}`;
    const keys = new Set(wanted.map(keyOf));
    for (const [key, door] of open) {
      if (keys.has(key)) continue;
      door.close();
      open.delete(key);
    }
    for (const relay of wanted) {
      if (open.has(keyOf(relay))) continue;
      const door = await openDoor(gateway, relay);
      // Busy: what listens there listens on all addresses, so the nodes reach it as it is.
      if (door === undefined) log.info("nodes reach the proxy without a relay", { port: relay.port });
      else open.set(keyOf(relay), door);
    }
  };
  return {
    apply: (gateway, wanted) => oneByOne.pass(() => apply(gateway, wanted)),
    close: () => {
      for (const door of open.values()) door.close();
      open.clear();
    },
  };
}

/** Undefined when the port is taken. */
async function openDoor(gateway: string, { host, port }: Relay): Promise<Door | undefined> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    const outer = connect({ host, port, allowHalfOpen: true });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
    inner.on("error", () => outer.destroy());
    outer.on("error", () => inner.destroy());
    inner.pipe(outer).pipe(inner);
  });
  if (!(await listens(server, gateway, port))) return undefined;
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listens(server: Server, address: string, port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, address, () => resolve(true));
  });
}
