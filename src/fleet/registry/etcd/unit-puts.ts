import { createBatch } from "../../../foundation/batch.ts";
import type { Unit } from "../../model.ts";
import { transactEach } from "./kv.ts";
import type { CallSettings } from "./members.ts";
import { chunksOfUnits, noteRevision, putTransaction, putUnit, type UnitWriter, writtenAt } from "./units.ts";

type Outcome = { readonly revision: bigint } | { readonly error: unknown } | "alone";

/**
 * Creates or replaces units, as `putUnit` does. Those that come while a request is under way share the next one, each
 * with its own guard: etcd and we have hardly more work with a hundred units than with one.
 */
export function createUnitPuts(writer: UnitWriter): (unit: Unit, settings: CallSettings) => Promise<bigint> {
  const put = createBatch(async (units: readonly Unit[]): Promise<readonly Outcome[]> => {
    const outcomes = new Map<Unit, Outcome>();
    for (const chunk of chunksOfUnits(units)) {
      const results = await putTogether(writer, chunk);
      for (const [at, unit] of chunk.entries()) outcomes.set(unit, results[at] ?? "alone");
    }
    return units.map((unit) => outcomes.get(unit) ?? "alone");
  });
  return async (unit, settings) => {
    settings.signal?.throwIfAborted();
    const outcome = await put(unit);
    if (outcome === "alone") return await putUnit(writer, unit, settings);
    if ("error" in outcome) throw outcome.error;
    return outcome.revision;
  };
}

/** Units with different names. Whose guard did not hold has to be put alone. */
async function putTogether(writer: UnitWriter, units: readonly Unit[]): Promise<readonly Outcome[]> {
  const { members, layout, seen } = writer;
  try {
    // Here and not by the caller: the next ones are to gather until it is done.
    const [only] = units;
    if (only !== undefined && units.length === 1) return [{ revision: await putUnit(writer, only, {}) }];
    const results = await transactEach(
      members,
      units.map((unit) => putTransaction(layout, unit, seen)),
    );
    return results.map((result, at): Outcome => {
      noteRevision(writer, result);
      const unit = units[at];
      const revision = unit && writtenAt(unit, result);
      return revision === undefined ? "alone" : { revision };
    });
  } catch (error) {
    return units.map(() => ({ error }));
  }
}
