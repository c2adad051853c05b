import type { Clock } from "../../foundation/clock.ts";
import type { Recorder, RegistryRecord } from "../history/history.ts";
import type { RegistryReading, Stage } from "../stage/stage.ts";

export interface RegistryObserverOptions {
  readonly stage: Stage;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

export interface RegistryObserver {
  stop(): Promise<void>;
}

/** Before a lost source is looked for again, ms. */
const lookAgainAfter = 250;

/**
 * Records each change of fleet's registry once, by whichever machine's etcd tells it first. A machine that comes back, or
 * one whose etcd lags behind, tells nothing that is already known to be older.
 */
export function observeRegistry(options: RegistryObserverOptions): RegistryObserver {
  const { stage, recorder, clock } = options;
  const stopping = new AbortController();
  const book = createBook();
  const sources = new Set<string>();
  let told: boolean | undefined;
  const tellSight = (): void => {
    const seen = sources.size > 0;
    if (seen !== told) recorder.record({ kind: "registry-sight", seen });
    told = seen;
  };
  const follow = async (node: string): Promise<void> => {
    try {
      for await (const reading of stage.registry(node, stopping.signal)) {
        sources.add(node);
        tellSight();
        for (const record of book.news(reading)) {
          recorder.record({ kind: "registry", via: node, revision: reading.revision, record });
        }
      }
    } finally {
      sources.delete(node);
      tellSight();
    }
  };
  const keepFollowing = async (node: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      await follow(node).catch(() => undefined);
      await clock.sleep(lookAgainAfter, stopping.signal).catch(() => undefined);
    }
  };
  tellSight();
  const watches = stage.nodes.map(keepFollowing);
  return {
    stop: async () => {
      stopping.abort(new Error("the observer was stopped"));
      await Promise.all(watches);
    },
  };
}

/** What is known of the registry, and what of a reading is news. */
export interface Book {
  news(reading: RegistryReading): RegistryRecord[];
}

export function createBook(): Book {
  const known = new Map<string, { revision: number; text: string }>();
  return {
    news: ({ revision, whole, changes }) => {
      const gone = whole ? missing(known, changes, revision) : [];
      return [...gone, ...changes].filter((record) => {
        const key = keyOf(record);
        const text = JSON.stringify(record);
        const before = known.get(key);
        if (before !== undefined && (before.revision > revision || before.text === text)) return false;
        known.set(key, { revision, text });
        return before !== undefined || !isAbsent(record);
      });
    },
  };
}

/** Records for everything that was known and is no longer there. */
function missing(
  known: ReadonlyMap<string, { readonly revision: number; readonly text: string }>,
  changes: readonly RegistryRecord[],
  revision: number,
): RegistryRecord[] {
  const present = new Set(changes.map(keyOf));
  return [...known]
    .filter(([key, before]) => !present.has(key) && before.revision < revision)
    .map(([, before]) => withoutValue(JSON.parse(before.text) as RegistryRecord));
}

function withoutValue(record: RegistryRecord): RegistryRecord {
  switch (record.type) {
    case "machine":
      return { ...record, present: false };
    case "leader":
    case "placement":
      return { ...record, machine: undefined };
    case "refusal":
      return { ...record, summary: undefined };
    case "state":
      return { ...record, active: undefined };
    case "unit":
      return { ...record, desired: undefined, options: [] };
    default:
      return record;
  }
}

const isAbsent = (record: RegistryRecord): boolean =>
  JSON.stringify(record) === JSON.stringify(withoutValue(record));

function keyOf(record: RegistryRecord): string {
  switch (record.type) {
    case "machine":
      return `machine ${record.machine}`;
    case "state":
      return `state ${record.machine} ${record.unit}`;
    case "leader":
      return "leader";
    default:
      return `${record.type} ${record.unit}`;
  }
}
