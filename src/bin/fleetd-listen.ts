import { once } from "node:events";
import { chmod, mkdir, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { dirname } from "node:path";
import { createAdaptorServer } from "@hono/node-server";

/** What answers requests. */
export interface Answering {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** The first descriptor that systemd hands over. */
const firstDescriptor = 3;

/** Serves on the sockets that systemd handed over, else on a socket of our own (0660). */
export async function listen(
  app: Answering,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Server[]> {
  const handed = env["LISTEN_PID"] === String(process.pid) ? Number(env["LISTEN_FDS"] ?? "0") : 0;
  if (handed > 0) {
    const descriptors = Array.from({ length: handed }, (_, index) => firstDescriptor + index);
    return await Promise.all(descriptors.map((fd) => open(app, { fd })));
  }
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const server = await open(app, { path });
  await chmod(path, 0o660);
  return [server];
}

async function open(
  app: Answering,
  where: { readonly fd: number } | { readonly path: string },
): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.listen(where);
  await once(server, "listening");
  return server;
}

/** Ends all connections at once: whoever waits for an answer asks another machine. */
export function closeAll(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}
