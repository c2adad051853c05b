import type { Call } from "./command.ts";

/** `fleetctl version`. */
export async function version({ out, world }: Call): Promise<number> {
  out(`fleetctl version ${world.version}`);
  return 0;
}

/** `fleetctl verify`: kept so that scripts see why it no longer works. */
export async function verify({ err }: Call): Promise<number> {
  err("WARNING: The signed/verified units feature is DEPRECATED and cannot be used.");
  return 2;
}
