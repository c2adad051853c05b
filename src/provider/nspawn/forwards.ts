import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { createGate } from "../../foundation/gate.ts";
import type { ClusterRef } from "../provider.ts";

/** A port of the host's loopback that leads to a port of a node. */
export interface Forward {
  readonly node: string;
  readonly guestPort: number;
  /** What was asked for. */
  readonly wanted: number;
  /** What it became: the next free one when the wanted one was busy. */
  readonly hostPort: number;
}

export interface WantedForward {
  readonly node: string;
  readonly address: string;
  readonly guestPort: number;
  readonly wanted: number;
}

/** The ssh port of the first machine on the host; the others follow. As Vagrant does. */
export const firstSshPort = 2222;

/** All forwards as they are now. */
export async function readForwards(cluster: Pick<ClusterRef, "stateDir">): Promise<readonly Forward[]> {
  const text = await readIfExists(forwardsFile(cluster));
  return text === undefined ? [] : (JSON.parse(text) as Forward[]);
}

/** Each node's ssh port on the host's loopback, by the node's name. */
export async function sshForwards(
  cluster: Pick<ClusterRef, "stateDir">,
): Promise<ReadonlyMap<string, number>> {
  const all = await readForwards(cluster);
  return new Map(
    all.filter(({ guestPort }) => guestPort === 22).map(({ node, hostPort }) => [node, hostPort]),
  );
}

export interface Forwarder {
  /** Opens what is wanted and not open, closes what is open and no longer wanted. */
  apply(wanted: readonly WantedForward[]): Promise<readonly Forward[]>;
  close(): void;
}

/** Forwards TCP from the host's loopback. Ports once given to a node are given to it again, if they are free. */
export function createForwarder(cluster: Pick<ClusterRef, "stateDir">): Forwarder {
  const open = new Map<string, Door>();
  const keyOf = (forward: { node: string; guestPort: number }): string =>
    `${forward.node}:${forward.guestPort}`;
  const oneByOne = createGate(1);
  const apply = async (wanted: readonly WantedForward[]): Promise<readonly Forward[]> => {
    const keys = new Set(wanted.map(keyOf));
    for (const [key, door] of open) {
      if (keys.has(key)) continue;
      door.close();
      open.delete(key);
    }
    const before = await readForwards(cluster);
    for (const one of wanted) {
      if (open.has(keyOf(one))) continue;
      const last = before.find((forward) => keyOf(forward) === keyOf(one) && forward.wanted === one.wanted);
      open.set(keyOf(one), await openDoor(one, last?.hostPort ?? one.wanted));
    }
    const forwards = [...open.values()].map(({ forward }) => forward);
    await writeAtomically(forwardsFile(cluster), `${JSON.stringify(forwards, undefined, 2)}\n`);
    return forwards;
  };
  return {
    // Two nodes that start at once would both open the door of a third.
    apply: (wanted) => oneByOne.pass(() => apply(wanted)),
    close: () => {
      for (const door of open.values()) door.close();
      open.clear();
    },
  };
}

interface Door {
  readonly forward: Forward;
  close(): void;
}

/** Opens the first free port from `preferred` on. */
async function openDoor(wanted: WantedForward, preferred: number): Promise<Door> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    const outer = connect({ host: wanted.address, port: wanted.guestPort, allowHalfOpen: true });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once("close", () => sockets.delete(socket));
    }
    inner.on("error", () => outer.destroy());
    outer.on("error", () => inner.destroy());
    inner.pipe(outer).pipe(inner);
  });
  const hostPort = await listenFrom(server, preferred);
  const { node, guestPort } = wanted;
  return {
    forward: { node, guestPort, wanted: wanted.wanted, hostPort },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listenFrom(server: Server, first: number): Promise<number> {
  for (let port = first; ; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => {
          server.off("error", reject);
          resolve();
        });
      });
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || port === 65_535) throw error;
    }
  }
}

function forwardsFile(cluster: Pick<ClusterRef, "stateDir">): string {
  return join(cluster.stateDir, "forwards.json");
}
