import { join } from "node:path";
import type { WriteOptions } from "../../foundation/files.ts";
import { jsonLines } from "../../foundation/json-lines.ts";
import type { FaultName, FaultOptions } from "../scenario/inject.ts";

/** One injection of a fault: enough to find and to mend it from another process. */
export interface Injection {
  /** `partition-3f2a1b` */
  readonly id: string;
  readonly fault: FaultName;
  readonly victims: readonly string[];
  readonly options: FaultOptions;
  /** ms */
  readonly ttl: number;
  /** Wall-clock ms. */
  readonly at: number;
}

type Entry = { readonly begin: Injection } | { readonly end: string; readonly victims: readonly string[] };

/** What was broken and not yet mended, on disk before it is broken. */
export interface FaultJournal {
  begin(injection: Injection): Promise<void>;
  /** These machines are mended, and seen to be. */
  end(id: string, victims: readonly string[]): Promise<void>;
  /** What has no end, with the machines that are not mended. */
  unfinished(): Promise<readonly Injection[]>;
}

/** `faults.ndjson` in the cluster's state folder; its folder exists. */
export function faultJournal(stateDir: string, owner?: WriteOptions["owner"]): FaultJournal {
  const lines = jsonLines<Entry>(join(stateDir, "faults.ndjson"), owner);
  return {
    begin: (injection) => lines.append({ begin: injection }),
    end: (id, victims) => lines.append({ end: id, victims }),
    unfinished: async () => openInjections(await lines.read()),
  };
}

/** A journal that forgets; for tests. */
export function memoryJournal(): FaultJournal & { readonly entries: readonly Entry[] } {
  const entries: Entry[] = [];
  return {
    entries,
    begin: async (injection) => void entries.push({ begin: injection }),
    end: async (id, victims) => void entries.push({ end: id, victims }),
    unfinished: async () => openInjections(entries),
  };
}

function openInjections(entries: readonly Entry[]): readonly Injection[] {
  const found = new Map<string, Injection>();
  for (const entry of entries) {
    if ("begin" in entry) found.set(entry.begin.id, entry.begin);
    else {
      const injection = found.get(entry.end);
      if (injection === undefined) continue;
      const left = injection.victims.filter((victim) => !entry.victims.includes(victim));
      if (left.length === 0) found.delete(entry.end);
      else found.set(entry.end, { ...injection, victims: left });
    }
  }
  return [...found.values()];
}
