import { randomUUID } from "node:crypto";
import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { EtcdContext } from "./etcd/context.ts";
import { putCordon, removeCordon } from "./etcd/cordons.ts";
import { followEtcd } from "./etcd/follow.ts";
import { holdInEtcd } from "./etcd/hold.ts";
import { joinEtcd } from "./etcd/join.ts";
import { absent, only, put, read, transact } from "./etcd/kv.ts";
import { isOurVersion, layoutAt, layoutVersion, newerLayout } from "./etcd/layout.ts";
import type { TlsTexts } from "./etcd/connection.ts";
import type { Login } from "./etcd/login.ts";
import { openMembers } from "./etcd/members.ts";
import { setMetadata } from "./etcd/metadata.ts";
import { createUnitPuts } from "./etcd/unit-puts.ts";
import { deleteUnit, setDesired } from "./etcd/units.ts";
import type { Registry } from "./registry.ts";

export interface EtcdRegistryOptions {
  /** Client URLs of all members, such as `http://10.0.0.1:2379`; the nearest first. */
  readonly endpoints: readonly string[];
  readonly tls?: TlsTexts | undefined;
  readonly login?: Login | undefined;
  /** How many times longer than usual etcd may take for anything; 1 when missing. */
  readonly patience?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all keys; ends with a slash. */
  readonly prefix?: string;
}

/** How etcd is convinced, where it asks. */
export type EtcdAccess = Pick<EtcdRegistryOptions, "tls" | "login">;

/** `close` ends connections and mirrors; leases are no longer kept, but not given back either (see Session.end). */
export interface EtcdRegistry extends Registry {
  close(): Promise<void>;
}

/**
 * The registry in etcd v3. Connects when it is first used. It speaks to all members itself, and switches to another
 * within a second when one dies, freezes or is cut off. Throws E_NOT_SUPPORTED when a newer fleet wrote the registry.
 */
export function createEtcdRegistry(options: EtcdRegistryOptions): EtcdRegistry {
  const { clock, log, prefix = "/flotilla/fleet/v1/" } = options;
  const members = openMembers(options.endpoints, clock, options);
  const closing = new AbortController();
  const context: EtcdContext = { members, layout: layoutAt(prefix), clock, log, closed: closing.signal };
  const writer = { members, layout: context.layout, seen: 0n };
  const putUnit = createUnitPuts(writer);
  const ready = readiness(context);
  return {
    follow: async (signal) => {
      await ready(signal);
      return followEtcd(context, signal);
    },
    putUnit: async (unit, signal) => {
      await ready(signal);
      return putUnit(unit, { signal });
    },
    setDesired: async (name, desired, signal) => {
      await ready(signal);
      return setDesired(writer, { name, desired }, { signal });
    },
    deleteUnit: async (name, signal) => {
      await ready(signal);
      return deleteUnit(writer, name, { signal });
    },
    cordon: async (cordon, signal) => {
      await ready(signal);
      return putCordon(writer, cordon, { signal });
    },
    uncordon: async (machineID, signal) => {
      await ready(signal);
      return removeCordon(writer, machineID, { signal });
    },
    setMetadata: async (changes, signal) => {
      await ready(signal);
      return setMetadata(writer, changes, { signal });
    },
    join: async (request, signal) => {
      // Anew: between two sessions etcd may have lost everything, or a newer fleet may have come.
      await makeReady(context, signal);
      return joinEtcd(context, request, signal);
    },
    hold: (lease, signal) => holdInEtcd(context, lease, signal),
    close: async () => {
      closing.abort(new AppError("E_INTERRUPTED", "the registry's client was closed"));
      members.close();
    },
  };
}

/** Makes sure, once, that the registry is of our layout. */
function readiness(context: EtcdContext): (signal?: AbortSignal) => Promise<void> {
  let checked = false;
  return async (signal) => {
    if (!checked) await makeReady(context, signal);
    checked = true;
  };
}

async function makeReady({ members, layout }: EtcdContext, signal: AbortSignal | undefined): Promise<void> {
  const { version, id } = layout;
  const naming = { when: [absent(id)], then: [put(id, randomUUID())] };
  const { held, found } = await transact(
    members,
    {
      when: [absent(version)],
      then: [put(version, String(layoutVersion)), only(naming.when, naming.then)],
      otherwise: [read(version), read(id)],
    },
    { signal },
  );
  const [text, named] = found;
  if (text !== undefined && !isOurVersion(text.value)) throw newerLayout(text.value);
  // Made by a fleet that did not name its registries yet.
  if (!held && named === undefined) await transact(members, naming, { signal });
}
