import { randomUUID } from "node:crypto";
import { AppError } from "../../../foundation/errors.ts";
import type { DesiredState, Unit } from "../../model.ts";
import { decodeUnit, encode } from "./codec.ts";
import { modifiedAt, present, put, read, remove, transact, untouchedSince } from "./kv.ts";
import type { Transaction, TransactionResult } from "./kv.ts";
import type { Layout } from "./layout.ts";
import type { CallSettings, Members } from "./members.ts";

/**
 * Writes of units. A request may reach etcd through several members, the last of them much later (one that was frozen
 * and goes on), so each write holds only while nobody has written since it was decided upon. A unit that was removed
 * leaves no record that could tell; the record `writes/units` does, which each removal writes.
 */
export interface UnitWriter {
  readonly members: Members;
  readonly layout: Layout;
  /** The highest revision that was seen. */
  seen: bigint;
}

/** etcd's own limit is 1.5 MiB for a whole request. */
const largestValue = 1_400_000;
/** etcd takes 128 operations in a transaction. */
const largestChunk = 100;

/** Creates or replaces. */
export async function putUnit(writer: UnitWriter, unit: Unit, settings: CallSettings): Promise<bigint> {
  let known = writer.seen;
  for (;;) {
    const result = await transact(writer.members, putTransaction(writer.layout, unit, known), settings);
    known = noteRevision(writer, result);
    const revision = writtenAt(unit, result);
    if (revision !== undefined) return revision;
  }
}

/** Puts the unit unless somebody has written it, or removed any unit, after `known`. Throws E_UNIT_INVALID. */
export function putTransaction(layout: Layout, unit: Unit, known: bigint): Transaction {
  const [key, value] = [layout.unit(unit.name), encode(unit)];
  checkSize(unit.name, value);
  return {
    when: [untouchedSince(key, known), untouchedSince(layout.unitWrites, known)],
    then: [put(key, value)],
    otherwise: [read(key)],
  };
}

/** At which revision a `putTransaction` has written the unit; undefined when it has not. */
export function writtenAt(unit: Unit, result: TransactionResult): bigint | undefined {
  if (result.held) return result.revision;
  const [found] = result.found;
  // Our own request was carried out through another member already, or there was nothing to change.
  return found?.value === encode(unit) ? found.modified : undefined;
}

/** In order, cut into what fits into one request, in which a record may be written only once. */
export function chunksOfUnits(units: readonly Unit[]): Unit[][] {
  const chunks: Unit[][] = [];
  let names = new Set<string>();
  let size = 0;
  for (const unit of units) {
    const weight = Buffer.byteLength(encode(unit));
    const full = names.has(unit.name) || names.size >= largestChunk || size + weight > largestValue;
    if (chunks.length === 0 || full) {
      chunks.push([]);
      names = new Set();
      size = 0;
    }
    chunks.at(-1)?.push(unit);
    names.add(unit.name);
    size += weight;
  }
  return chunks;
}

/** Undefined when there is no such unit. */
export async function setDesired(
  writer: UnitWriter,
  { name, desired }: { readonly name: string; readonly desired: DesiredState },
  settings: CallSettings,
): Promise<bigint | undefined> {
  const { members, layout } = writer;
  const key = layout.unit(name);
  let [found] = (await transact(members, { when: [], then: [read(key)] }, settings)).found;
  for (;;) {
    const unit = found && decodeUnit(found.value);
    if (found === undefined || unit === undefined) return undefined;
    // What a later fleet knows of the unit besides stays as it is.
    const value = JSON.stringify({ ...(JSON.parse(found.value) as object), desired });
    const base = found.modified;
    const result: TransactionResult = await transact(
      members,
      { when: [modifiedAt(key, base)], then: [put(key, value)], otherwise: [read(key)] },
      settings,
    );
    if (result.held) return result.revision;
    [found] = result.found;
    // Either our own request, carried out through another member, or another client's with the same end.
    if (found?.value === value) return found.modified;
  }
}

/** Undefined when there was none. */
export async function deleteUnit(
  writer: UnitWriter,
  name: string,
  settings: CallSettings,
): Promise<bigint | undefined> {
  const { members, layout } = writer;
  const key = layout.unit(name);
  const mark = JSON.stringify({ removed: name, id: randomUUID() });
  let known = writer.seen;
  for (;;) {
    const result = await transact(
      members,
      {
        when: [present(key), untouchedSince(key, known)],
        then: [
          remove(key),
          remove(layout.placement(name)),
          remove(layout.refusal(name)),
          put(layout.unitWrites, mark),
        ],
        otherwise: [read(key), read(layout.unitWrites)],
      },
      settings,
    );
    known = noteRevision(writer, result);
    if (result.held) return result.revision;
    const [unit, removal] = result.found;
    if (removal?.value === mark) return removal.modified;
    if (unit === undefined) return undefined;
  }
}

/** Remembers the highest revision that was seen; gives that of the result. */
export function noteRevision(writer: UnitWriter, { revision }: TransactionResult): bigint {
  if (revision > writer.seen) writer.seen = revision;
  return revision;
}

function checkSize(name: string, value: string): void {
  const size = Buffer.byteLength(value);
  if (size <= largestValue) return;
  throw new AppError("E_UNIT_INVALID", `unit "${name}" is ${size} bytes long; etcd takes ${largestValue}`, {
    hint: "keep large files out of the unit, for example in an image or on the machines",
  });
}
