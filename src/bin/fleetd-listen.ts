import { once } from "node:events";
import { chmod, mkdir, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { dirname } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { AppError, messageOf } from "../foundation/errors.ts";
import type { FleetConfig } from "../fleet/config.ts";

/** What answers requests. */
export interface Answering {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** The first descriptor that systemd hands over. */
const firstDescriptor = 3;

/** A client that needs longer to send its request is too slow. */
const patience: Patience = { headers: 10_000, all: 30_000 };

export interface Patience {
  /** ms, as is `all`. */
  readonly headers: number;
  readonly all: number;
}

/**
 * Serves on the sockets that systemd handed over (unix or TCP, any number), else on a socket of our own (0660); and on
 * the TCP addresses of the settings, if there are any.
 */
export async function listen(
  app: Answering,
  { socket, listen: addresses }: Pick<FleetConfig, "socket" | "listen">,
  env: Readonly<Record<string, string | undefined>>,
  within: Patience = patience,
): Promise<readonly Server[]> {
  const handed = env["LISTEN_PID"] === String(process.pid) ? Number(env["LISTEN_FDS"] ?? "0") : 0;
  const configured = addresses.map((address) => open(app, address, within));
  if (handed > 0) {
    const descriptors = Array.from({ length: handed }, (_, index) => firstDescriptor + index);
    return await Promise.all([...descriptors.map((fd) => open(app, { fd }, within)), ...configured]);
  }
  return await Promise.all([openSocket(app, socket, within), ...configured]);
}

async function openSocket(app: Answering, path: string, within: Patience): Promise<Server> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const server = await open(app, { path }, within);
  await chmod(path, 0o660);
  return server;
}

type Where =
  | { readonly fd: number }
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

async function open(app: Answering, where: Where, within: Patience): Promise<Server> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: within.headers,
      requestTimeout: within.all,
      connectionsCheckingInterval: within.headers / 4,
    },
  }) as Server;
  server.listen(where);
  try {
    await once(server, "listening");
  } catch (error) {
    if (!("host" in where)) throw error;
    throw new AppError("E_IN_USE", `cannot listen on ${where.host}:${where.port}: ${messageOf(error)}`, {
      cause: error,
      hint: "change the setting listen, or end what has the address",
    });
  }
  return server;
}

/** Ends all connections at once: whoever waits for an answer asks another machine. */
export function closeAll(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}
