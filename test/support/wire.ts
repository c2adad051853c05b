import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** A piece of cable in front of a TCP server, which a test can cut. */
export interface Wire {
  /** What stands for the server's URL. */
  readonly url: string;
  /** Ends all connections; new ones are ended at once. */
  cut(): void;
  /** Connections stay open, new ones are accepted, and no byte comes through any more. */
  silence(): void;
  /** Lets new connections through again; old ones are ended. */
  mend(): void;
  close(): Promise<void>;
}

/** Lays a wire on loopback to the server at `target`, such as `http://127.0.0.1:2379`. */
export async function openWire(target: string): Promise<Wire> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "silent" = "open";
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const keep = (socket: Socket, other?: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => other?.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other?.destroy();
    });
  };
  const server = createServer((near) => {
    if (state === "cut") return void near.destroy();
    if (state === "silent") return keep(near);
    const far = connect(Number(port), hostname);
    keep(near, far);
    keep(far, near);
    near.pipe(far).pipe(near);
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      state = "cut";
      endAll();
    },
    silence: () => {
      state = "silent";
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mend: () => {
      state = "open";
      endAll();
    },
    close: async () => {
      endAll();
      await once(server.close(), "close");
    },
  };
}
