import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import type { Log } from "../../foundation/log.ts";
import { createDiscoveryDoor } from "../gateway/discovery.ts";
import type { Relay } from "../gateway/relays.ts";
import { createRelays } from "../gateway/relays.ts";

/** What a cluster of virtual machines needs of this host beside the hypervisor. */
export interface AttendantConfig {
  readonly version: 1;
  /** This host's address in the cluster's network. */
  readonly address: string;
  /** Proxies on this host's loopback, which the machines reach at that address. */
  readonly relays: readonly Relay[];
  /** Whether the cluster has a discovery service of its own. */
  readonly discovery: boolean;
}

/** How often the attendant looks whether it is still wanted, ms. */
const lookEvery = 500;

/**
 * Does what the config in `stateDir` says until that changes or goes away, or the signal aborts. The file with its process
 * number is written when all is open.
 */
export async function attend(
  stateDir: string,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const text = await readIfExists(configFile(stateDir));
  if (text === undefined) return;
  const { address, relays: wanted, discovery: serves } = JSON.parse(text) as AttendantConfig;
  const relays = createRelays(log);
  const discovery = createDiscoveryDoor(stateDir);
  const own = `${process.pid}\n`;
  try {
    await relays.apply(address, wanted);
    await discovery.apply(serves ? address : undefined);
    await writeAtomically(pidFile(stateDir), own);
    while (!signal.aborted && (await readIfExists(configFile(stateDir))) === text)
      await clock.sleep(lookEvery, signal).catch(() => undefined);
  } finally {
    relays.close();
    discovery.close();
    if ((await readIfExists(pidFile(stateDir))) === own) await rm(pidFile(stateDir), { force: true });
  }
}

export function configFile(stateDir: string): string {
  return join(stateDir, "attendant.json");
}

export function pidFile(stateDir: string): string {
  return join(stateDir, "attendant.pid");
}
