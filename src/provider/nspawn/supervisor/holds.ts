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

/** What could not be undone is tried again after, ms: a promise is a promise. */
const tryAgainAfter = 5_000;

export function createHolds(options: HoldsOptions): Holds {
  const { names, clock, log } = options;
  const timers = new Map<string, AbortController>();
  let retired = false;
  const fileOf = ({ id, node }: Pick<Hold, "id" | "node">): string =>
    join(names.runtimeDir, `hold-${id}-${node}.json`);
  const keyOf = ({ id, node }: Pick<Hold, "id" | "node">): string => `${id} ${node}`;

  const read = async (): Promise<Kept[]> => {
    const files = (await readdir(names.runtimeDir)).filter((file) => /^hold-.*\.json$/.test(file));
    const texts = files.map((file) => readFile(join(names.runtimeDir, file), "utf8").catch(() => ""));
    return (await Promise.all(texts)).filter((text) => text !== "").map((text) => JSON.parse(text) as Kept);
  };
  const undo = async (hold: Kept): Promise<void> => {
    timers.get(keyOf(hold))?.abort();
    timers.delete(keyOf(hold));
    if (hold.undo === "thaw") await setFrozen(options, hold.node, false);
    else await options.start(hold.node);
    await rm(fileOf(hold), { force: true });
  };
  const expire = async (hold: Kept): Promise<void> => {
    const which = { id: hold.id, node: hold.node, undo: hold.undo };
    try {
      await undo(hold);
      log.warn("nobody mended it: undone", which);
    } catch (error) {
      const gone = isAppError(error, "E_STATE_CONFLICT");
      log.error(gone ? "there is nothing left to undo" : "cannot undo: trying again", {
        ...which,
        error: messageOf(error),
      });
      if (gone) await rm(fileOf(hold), { force: true });
      else if (!retired) arm(hold, tryAgainAfter);
    }
  };
  const arm = (hold: Kept, within = Math.max(0, hold.until - clock.now())): void => {
    const timer = new AbortController();
    timers.set(keyOf(hold), timer);
    clock
      .sleep(within, timer.signal)
      .then(
        () => expire(hold),
        () => undefined,
      )
      .catch((error: unknown) => log.error("cannot forget", { error: messageOf(error) }));
  };

  return {
    hold: async (wanted, ttl) => {
      const hold: Kept = { ...wanted, until: clock.now() + ttl };
      await writeAtomically(fileOf(hold), `${JSON.stringify(hold)}\n`, { mode: 0o600 });
      timers.get(keyOf(hold))?.abort();
      arm(hold);
      if (hold.undo === "thaw") await setFrozen(options, hold.node, true);
    },
    release: async (id, node) => {
      const found = (await read()).find((hold) => hold.id === id && hold.node === node);
      if (found !== undefined) await undo(found);
    },
    list: async () =>
      await Promise.all(
        (await read()).map(async (hold) => ({
          ...hold,
          active: hold.undo === "start" || (await isFrozen(options, hold.node)),
        })),
      ),
    adopt: async () => (await read()).forEach((hold) => arm(hold)),
    retire: () => {
      retired = true;
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

async function isFrozen(place: Place, node: string): Promise<boolean> {
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
