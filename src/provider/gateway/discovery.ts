import type { Server } from "node:http";
import { join } from "node:path";
import { parseRegistry } from "../../discovery/registry.ts";
import { closeDiscovery, discoveryPort, serveDiscovery } from "../../discovery/server.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { createGate } from "../../foundation/gate.ts";

/** The cluster's own discovery service on its gateway: it lives and ends with the cluster's supervisor. */
export interface DiscoveryDoor {
  /** Starts it on this address; undefined ends it. Idempotent. */
  apply(gateway: string | undefined): Promise<void>;
  close(): void;
}

/** What has registered is kept in `stateDir`, so that members find each other also when the supervisor is replaced. */
export function createDiscoveryDoor(stateDir: string): DiscoveryDoor {
  const file = discoveryFile(stateDir);
  let server: Server | undefined;
  const oneByOne = createGate(1);
  const close = (): void => {
    if (server !== undefined) closeDiscovery(server);
    server = undefined;
  };
  const apply = async (gateway: string | undefined): Promise<void> => {
    if (gateway === undefined) return close();
    if (server !== undefined) return;
    const text = await readIfExists(file);
    const known = text === undefined ? {} : { registry: parseRegistry(text, file) };
    const save = async (registry: object): Promise<void> => {
      await writeAtomically(file, `${JSON.stringify(registry)}\n`, { mode: 0o600 });
    };
    server = await serveDiscovery({ address: gateway, port: discoveryPort, save, ...known });
  };
  return {
    apply: (gateway) => oneByOne.pass(() => apply(gateway)),
    close,
  };
}

export function discoveryFile(stateDir: string): string {
  return join(stateDir, "discovery.json");
}
