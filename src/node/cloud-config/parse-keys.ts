import { type Placed, problemAt } from "./place.ts";
import type { Raw, Reader } from "./reader.ts";

/** Public keys, one line each. */
export function readKeys(reader: Reader, raw: Raw | undefined): readonly Placed<string>[] {
  return reader.texts(raw).flatMap(({ value, place }) => {
    const key = value.trim();
    if (key !== "" && !key.includes("\n")) return [{ value: key, place }];
    reader.problems.push(problemAt(place, "must be one public key on one line"));
    return [];
  });
}
