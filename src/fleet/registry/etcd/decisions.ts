import type { Decision } from "../registry.ts";
import { decodePlacement, encode } from "./codec.ts";
import type { EtcdContext } from "./context.ts";
import type { Record, Step } from "./kv.ts";
import { absent, modifiedAt, only, present, put, read, remove, transact } from "./kv.ts";

/** etcd takes 128 operations in a transaction; one is the leader's own record. */
const largestChunk = 100;
/** Bytes; etcd takes 1.5 MiB in a request. */
const largestRequest = 1_000_000;

/** Cuts decisions, in order, into what fits into one transaction; a record may be written in it only once. */
export function chunksOf(decisions: readonly Decision[]): Decision[][] {
  const chunks: Decision[][] = [];
  let keys = new Set<string>();
  let size = 0;
  for (const decision of decisions) {
    const key = recordOf(decision);
    const weight = JSON.stringify(decision).length;
    let chunk = chunks.at(-1);
    if (
      chunk === undefined ||
      chunk.length >= largestChunk ||
      keys.has(key) ||
      size + weight > largestRequest
    ) {
      chunk = [];
      chunks.push(chunk);
      keys = new Set();
      size = 0;
    }
    chunk.push(decision);
    keys.add(key);
    size += weight;
  }
  return chunks;
}

function recordOf(decision: Decision): string {
  switch (decision.kind) {
    case "place":
      return `schedule/${decision.placement.unit}`;
    case "release":
      return `schedule/${decision.unit}`;
    case "refuse":
      return `refusals/${decision.refusal.unit}`;
    case "forgive":
      return `refusals/${decision.unit}`;
  }
}

/** Why a chunk releases units, by their names; undefined when it releases none. */
export function releasedBy(chunk: readonly Decision[]): { readonly [unit: string]: string } | undefined {
  const reasons = chunk.flatMap((decision): [string, string][] =>
    decision.kind === "release" ? [[decision.unit, decision.reason]] : [],
  );
  return reasons.length === 0 ? undefined : Object.fromEntries(reasons);
}

/**
 * The steps of one transaction. Each carries its own guard, so one that is out of date is skipped alone; a release of
 * a unit that is elsewhere by now is left out.
 */
export async function stepsFor(
  { members, layout }: EtcdContext,
  chunk: readonly Decision[],
  signal: AbortSignal | undefined,
): Promise<Step[]> {
  const released = chunk.flatMap((decision) => (decision.kind === "release" ? [decision.unit] : []));
  const placements = new Map<string, Record>();
  if (released.length > 0) {
    const steps = released.map((unit) => read(layout.placement(unit)));
    const { found } = await transact(members, { when: [], then: steps }, { signal });
    for (const record of found) if (record !== undefined) placements.set(record.key, record);
  }
  return chunk.flatMap((decision): Step[] => {
    switch (decision.kind) {
      case "place": {
        const { unit } = decision.placement;
        const key = layout.placement(unit);
        return [only([present(layout.unit(unit)), absent(key)], [put(key, encode(decision.placement))])];
      }
      case "release": {
        const key = layout.placement(decision.unit);
        const record = placements.get(key);
        const from = record && decodePlacement(record.value)?.machineID;
        if (record === undefined || from !== decision.from) return [];
        return [only([modifiedAt(key, record.modified)], [remove(key)])];
      }
      case "refuse": {
        const { unit } = decision.refusal;
        return [only([present(layout.unit(unit))], [put(layout.refusal(unit), encode(decision.refusal))])];
      }
      case "forgive":
        return [remove(layout.refusal(decision.unit))];
    }
  });
}
