import { createHash } from "node:crypto";
import type { UnitOption } from "../model.ts";

/**
 * The canonical text of a unit file: sections in the order of their first option, one blank line between them, no
 * comments. It is what `fleetctl cat` prints and what is written to a machine's disk.
 */
export function serializeUnit(options: readonly UnitOption[]): string {
  const sections = new Map<string, string[]>();
  for (const { section, name, value } of options) {
    const lines = sections.get(section) ?? [];
    lines.push(`${name}=${value}\n`);
    sections.set(section, lines);
  }
  return [...sections].map(([section, lines]) => `[${section}]\n${lines.join("")}`).join("\n");
}

/** SHA-1 (hex, 40 digits) of the canonical text: two units are the same file when this is equal. */
export function hashUnit(options: readonly UnitOption[]): string {
  return createHash("sha1").update(serializeUnit(options)).digest("hex");
}

/** The first 7 digits of a hash, as tables show it. */
export function shortHash(hash: string): string {
  return hash.slice(0, 7);
}
