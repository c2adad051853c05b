import type { Clock } from "../../foundation/clock.ts";
import { expandSpecifiers } from "../unit/specifiers.ts";

/**
 * In which order systemd is asked for units that are to be started at the same time. It orders two starts only if it knows
 * of both: the one that comes first by `After=` or `Before=` has to be asked for first.
 */
export interface StartOrder {
  /** The unit with this file is about to be started. */
  expect(name: string, content: string): void;
  /** Waits until systemd was asked for those that come before, for two seconds at most, or until the signal aborts. */
  turn(name: string, signal: AbortSignal): Promise<void>;
  /** systemd was asked for the unit, or is not asked for it now. */
  over(name: string): void;
}

/** How long a unit waits for those before it, ms: they may be slow to load, or in a circle. */
const patience = 2_000;

interface Expected {
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly asked: PromiseWithResolvers<void>;
}

export function createStartOrder(clock: Clock): StartOrder {
  const expected = new Map<string, Expected>();
  /** Those of them that name others which come later: few, so that a thousand units need not be compared with each other. */
  const naming = new Map<string, Expected>();
  const before = (name: string): Promise<void>[] => {
    const named = expected.get(name)?.after.flatMap((other) => expected.get(other) ?? []) ?? [];
    const claimed = [...naming.values()].filter((other) => other.before.includes(name));
    return [...named, ...claimed].map(({ asked }) => asked.promise);
  };
  return {
    expect: (name, content) => {
      const named = (key: string): string[] => unitsNamed(name, content, key);
      const asked = expected.get(name)?.asked ?? Promise.withResolvers<void>();
      const one = { after: named("After"), before: named("Before"), asked };
      expected.set(name, one);
      if (one.before.length > 0) naming.set(name, one);
      else naming.delete(name);
    },
    turn: async (name, signal) => {
      // Those that are wanted at the same moment are all told of before this goes on.
      await Promise.resolve();
      const first = before(name);
      if (first.length === 0) return;
      const enough = new AbortController();
      const late = clock.sleep(patience, AbortSignal.any([signal, enough.signal])).catch(() => undefined);
      await Promise.race([Promise.all(first), late]);
      enough.abort(new Error("it is this unit's turn"));
    },
    over: (name) => {
      expected.get(name)?.asked.resolve();
      expected.delete(name);
      naming.delete(name);
    },
  };
}

/** The units that an option of the file names, on all its lines. */
function unitsNamed(name: string, content: string, key: string): string[] {
  const lines = content.split("\n").filter((line) => line.startsWith(`${key}=`));
  const words = lines.flatMap((line) => line.slice(key.length + 1).split(/\s+/));
  return words.filter((word) => word !== "").map((word) => expandSpecifiers(word, name));
}
