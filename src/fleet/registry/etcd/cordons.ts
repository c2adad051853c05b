import { randomUUID } from "node:crypto";
import type { Cordon } from "../../model.ts";
import { encode } from "./codec.ts";
import { absent, present, put, read, remove, transact, untouchedSince } from "./kv.ts";
import type { CallSettings } from "./members.ts";
import type { UnitWriter } from "./units.ts";

/** Keeps a cordon; one that is there already stays. A request that comes late does nothing, see units.ts. */
export async function putCordon(writer: UnitWriter, cordon: Cordon, settings: CallSettings): Promise<bigint> {
  const { members, layout } = writer;
  const key = layout.cordon(cordon.machineID);
  let known = writer.seen;
  for (;;) {
    const result = await transact(
      members,
      {
        when: [absent(key), untouchedSince(layout.unitWrites, known)],
        then: [put(key, encode(cordon))],
        otherwise: [read(key)],
      },
      settings,
    );
    known = result.revision;
    if (known > writer.seen) writer.seen = known;
    if (result.held) return result.revision;
    const [found] = result.found;
    if (found !== undefined) return found.modified;
  }
}

/** Undefined when there was none. */
export async function removeCordon(
  writer: UnitWriter,
  machineID: string,
  settings: CallSettings,
): Promise<bigint | undefined> {
  const { members, layout } = writer;
  const key = layout.cordon(machineID);
  const mark = JSON.stringify({ uncordoned: machineID, id: randomUUID() });
  let known = writer.seen;
  for (;;) {
    const result = await transact(
      members,
      {
        when: [present(key), untouchedSince(key, known)],
        then: [remove(key), put(layout.unitWrites, mark)],
        otherwise: [read(key), read(layout.unitWrites)],
      },
      settings,
    );
    known = result.revision;
    if (known > writer.seen) writer.seen = known;
    if (result.held) return result.revision;
    const [found, removal] = result.found;
    if (removal?.value === mark) return removal.modified;
    if (found === undefined) return undefined;
  }
}
