import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../foundation/clock.ts";
import { isAppError, messageOf } from "../../../foundation/errors.ts";
import { writeAtomically } from "../../../foundation/files.ts";
import type { Log } from "../../../foundation/log.ts";
import type { Hold, Undo } from "../../provider.ts";
import type { Hierarchies } from "../cgroups.ts";
import type { HostNames } from "../names.ts";

export interface HoldsOptions {
  readonly names: HostNames;
  readonly hierarchies: Hierarchies;
  readonly clock: Clock;
  readonly log: Log;
  /** Powers a machine on. Idempotent. */
  readonly start: (node: string) => Promise<void>;
}

/**
 * What the supervisor promised to undo. Each promise is a file, so that the next supervisor keeps it too; its time runs
 * whether or not anybody is left who asked for it.
 */
export interface Holds {
  /** Promises first; freezes the machine then, if that is what is to be undone. */
  hold(wanted: Omit<Hold, "until" | "active">, ttl: number): Promise<void>;
  /** Undoes now. Idempotent. */
  release(id: string, node: string): Promise<void>;
  list(): Promise<readonly Hold[]>;
  /** Takes over what an earlier supervisor promised. */
  adopt(): Promise<void>;
  /** Forgets all promises: the cluster is being removed. */
  retire(): void;
}

type Kept = Omit<Hold, "active">;
type Which = Pick<Hold, "id" | "node">;

/** What could not be undone is tried again after, ms: a promise is a promise. */
const tryAgainAfter = 5_000;

export function createHolds(options: HoldsOptions): Holds {
  const { clock, log } = options;
  const promises = promisesIn(options.names.runtimeDir);
  const timers = createTimers(clock, log);
  let retired = false;

  const undo = async (hold: Kept): Promise<void> => {
    timers.stop(hold);
    if (hold.undo === "thaw") await setFrozen(options, hold.node, false);
    else await options.start(hold.node);
    await promises.forget(hold);
  };
  const expire = async (hold: Kept): Promise<void> => {
    const which = { id: hold.id, node: hold.node, undo: hold.undo };
    try {
      await undo(hold);
      log.warn("nobody mended it: undone", which);
    } catch (error) {
      const gone = isAppError(error, "E_STATE_CONFLICT");
      const why = { ...which, error: messageOf(error) };
      log.error(gone ? "there is nothing left to undo" : "cannot undo: trying again", why);
      if (gone) await promises.forget(hold);
      else if (!retired) arm(hold, tryAgainAfter);
    }
  };
  const arm = (hold: Kept, within = Math.max(0, hold.until - clock.now())): void =>
    timers.start(hold, within, () => expire(hold));

  return {
    hold: async (wanted, ttl) => {
      const hold: Kept = { ...wanted, until: clock.now() + ttl };
      await promises.keep(hold);
      arm(hold);
      if (hold.undo === "thaw") await setFrozen(options, hold.node, true);
    },
    release: async (id, node) => {
      const found = (await promises.all()).find((hold) => hold.id === id && hold.node === node);
      if (found !== undefined) await undo(found);
    },
    list: async () => {
      const kept = await promises.all();
      return await Promise.all(
        kept.map(async (hold) => ({ ...hold, active: await isActive(options, hold) })),
      );
    },
    adopt: async () => (await promises.all()).forEach((hold) => arm(hold)),
    retire: () => {
      retired = true;
      timers.stopAll();
    },
  };
}

/** The promises on disk. */
interface Promises {
  all(): Promise<readonly Kept[]>;
  keep(hold: Kept): Promise<void>;
  forget(hold: Which): Promise<void>;
}

function promisesIn(folder: string): Promises {
  const fileOf = ({ id, node }: Which): string => join(folder, `hold-${id}-${node}.json`);
  return {
    all: async () => {
      const files = (await readdir(folder)).filter((file) => /^hold-.*\.json$/.test(file));
      const texts = files.map((file) => readFile(join(folder, file), "utf8").catch(() => ""));
      return (await Promise.all(texts)).filter((text) => text !== "").map((text) => JSON.parse(text) as Kept);
    },
    keep: async (hold) => await writeAtomically(fileOf(hold), `${JSON.stringify(hold)}\n`, { mode: 0o600 }),
    forget: async (hold) => await rm(fileOf(hold), { force: true }),
  };
}

/** When each promise is due, for as long as this process lives. */
interface Timers {
  /** Takes the place of an earlier one for the same promise. @param within ms */
  start(hold: Which, within: number, due: () => Promise<void>): void;
  stop(hold: Which): void;
  stopAll(): void;
}

function createTimers(clock: Clock, log: Log): Timers {
  const timers = new Map<string, AbortController>();
  const keyOf = ({ id, node }: Which): string => `${id} ${node}`;
  const stop = (hold: Which): void => {
    timers.get(keyOf(hold))?.abort();
    timers.delete(keyOf(hold));
  };
  return {
    start: (hold, within, due) => {
      stop(hold);
      const timer = new AbortController();
      timers.set(keyOf(hold), timer);
      clock
        .sleep(within, timer.signal)
        .then(due, () => undefined)
        .catch((error: unknown) => log.error("cannot forget", { error: messageOf(error) }));
    },
    stop,
    stopAll: () => {
      for (const timer of timers.values()) timer.abort();
      timers.clear();
    },
  };
}

type Place = Pick<HoldsOptions, "names" | "hierarchies">;

const groupOf = ({ names, hierarchies }: Place, node: string): string =>
  join(hierarchies.unified ?? "", names.cgroup, node);

/** A machine without power has no group, and nothing that could be frozen. */
async function setFrozen(place: Place, node: string, frozen: boolean): Promise<void> {
  try {
    await writeFile(join(groupOf(place, node), "cgroup.freeze"), frozen ? "1" : "0");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (frozen || (code !== "ENOENT" && code !== "ENODEV")) throw error;
  }
}

/** Whether there is something to undo; a machine without power always has that. */
async function isActive(place: Place, { undo, node }: Kept): Promise<boolean> {
  if (undo === "start") return true;
  const events = await readFile(join(groupOf(place, node), "cgroup.events"), "utf8").catch(() => "");
  return events.includes("frozen 1");
}

/** What a request over the socket must hold. */
export function parseHold(
  node: string,
  asked: Readonly<Record<string, unknown>>,
): Omit<Hold, "until" | "active"> & { ttl: number } {
  const { id, undo, ttl } = asked;
  if (typeof id !== "string" || !/^[a-z0-9-]+$/.test(id))
    throw new TypeError(`no id of a hold: ${String(id)}`);
  if (typeof ttl !== "number" || !(ttl > 0)) throw new TypeError(`no time of a hold: ${String(ttl)}`);
  if (undo !== "thaw" && undo !== "start") throw new TypeError(`nothing that can be undone: ${String(undo)}`);
  return { id, node, undo: undo satisfies Undo, ttl };
}
