import { AppError } from "../../../foundation/errors.ts";
import type { MetadataChange } from "../registry.ts";
import { encode } from "./codec.ts";
import { put, read, transact, untouchedSince } from "./kv.ts";
import type { CallSettings } from "./members.ts";
import type { UnitWriter } from "./units.ts";

/** etcd takes 128 operations in a transaction. */
const mostChanges = 100;

/**
 * Writes all changes in one transaction. As with units, a request that arrives late must not undo what somebody wrote
 * since, so it holds only while nobody has.
 */
export async function setMetadata(
  writer: UnitWriter,
  changes: readonly MetadataChange[],
  settings: CallSettings,
): Promise<bigint> {
  const { members, layout } = writer;
  if (changes.length > mostChanges) {
    throw new AppError(
      "E_USAGE",
      `${changes.length} metadata are too many for one step, ${mostChanges} is the most`,
    );
  }
  // Of two changes of one key the last counts; a transaction takes each key only once.
  const values = new Map(
    changes.map((change) => [layout.metadata(change.machineID, change.key), encode(change)]),
  );
  for (;;) {
    const known = writer.seen;
    const result = await transact(
      members,
      {
        when: [...values.keys()].map((key) => untouchedSince(key, known)),
        then: [...values].map(([key, value]) => put(key, value)),
        otherwise: [...values.keys()].map((key) => read(key)),
      },
      settings,
    );
    if (result.revision > writer.seen) writer.seen = result.revision;
    if (result.held) return result.revision;
    // Our own request was carried out through another member already, or there was nothing to change.
    const found = new Map(result.found.map((record) => [record?.key, record]));
    const records = [...values].map(([key, value]) =>
      found.get(key)?.value === value ? found.get(key) : undefined,
    );
    const last = records.map((record) => record?.modified ?? -1n);
    if (!last.includes(-1n)) return last.reduce((a, b) => (a > b ? a : b), 0n);
  }
}
