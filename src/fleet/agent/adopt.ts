import { createHash } from "node:crypto";
import type { UnitState } from "../model.ts";
import type { LocalUnit } from "../systemd/systemd.ts";
import { parseUnitFile } from "../unit/parse.ts";
import { hashUnit } from "../unit/serialize.ts";
import type { Local } from "./plan.ts";

/**
 * What an agent that has just begun takes a unit for that an earlier one left behind. A unit that runs, or failed, has
 * been launched. One that does not may have done its work: then only the state that the earlier agent published tells.
 */
export function adopt(unit: LocalUnit, published: UnitState | undefined): Local {
  const hash = hashOf(unit.content);
  if (unit.status.load === "not-found") return { hash, reached: "inactive" };
  if (unit.status.active !== "inactive") return { hash, reached: "launched" };
  return { hash, reached: published?.hash === hash ? published.reached : "loaded" };
}

function hashOf(content: string): string {
  const parsed = parseUnitFile(content);
  // Somebody else's text: any hash will do that is none of a unit that could be wanted.
  return parsed.ok ? hashUnit(parsed.options) : createHash("sha1").update(content).digest("hex");
}
