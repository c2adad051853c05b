import { resolveOwner } from "./accounts.ts";
import type { Facts } from "./facts.ts";
import type { FileGoal } from "./goal.ts";

/** Why the file has to be written; undefined when it is as it shall be. */
export function whyNotFile(
  goal: Pick<FileGoal, "path" | "content" | "mode" | "owner">,
  facts: Facts,
): string | undefined {
  const fact = facts.files.get(goal.path);
  if (fact === undefined) return "the file does not exist";
  if (fact.kind !== "file") return "what lies there is not a plain file";
  if (Buffer.compare(fact.content, goal.content) !== 0) return "the content differs";
  if (fact.mode !== goal.mode) return `its mode is ${fact.mode.toString(8).padStart(4, "0")}`;
  if (goal.owner === undefined) return undefined;
  const { uid, gid, unknown } = resolveOwner(goal.owner, facts.accounts);
  const same = (uid === undefined || uid === fact.uid) && (gid === undefined || gid === fact.gid);
  return same && unknown === undefined ? undefined : `it belongs to ${fact.uid}:${fact.gid}`;
}
