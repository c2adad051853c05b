import { AppError } from "../foundation/errors.ts";
import { readAssignments, type Assignment } from "./ruby/assignments.ts";
import { readLiteral, sameValue } from "./ruby/literal.ts";

/** The cluster's identity: of these, cluster.yaml's value stands, whatever the file says. */
const identity = ["num_instances", "instance_name_prefix", "update_channel", "new_discovery_url"];

/** coreos-vagrant's older names: where they are set, the Vagrantfile takes them first. */
const olderNames: Readonly<Record<string, string>> = {
  vb_gui: "vm_gui",
  vb_memory: "vm_memory",
  vb_cpus: "vm_cpus",
};

const mark = "# cluster.yaml:";

export interface MergedConfig {
  readonly text: string;
  /** Values that are the user's own, not cluster.yaml's. */
  readonly kept: readonly KeptValue[];
}

export interface KeptValue {
  /** `$vm_memory` */
  readonly name: string;
  /** As it stands in the file. */
  readonly own: string;
  /** What cluster.yaml would make it. */
  readonly ours: string;
}

/**
 * Brings a config.rb up to date with cluster.yaml. The comment behind each value says what cluster.yaml had when it was
 * rendered: what differs from that was written by hand and stays, with everything else in the file that is not ours.
 * @param existing the file as it is; undefined when there is none
 * @param fresh the file as it would be rendered from nothing
 * @throws E_CONFIG_INVALID when `existing` cannot be read
 */
export function mergeConfigRb(existing: string | undefined, fresh: string, path: string): MergedConfig {
  if (existing === undefined) return { text: fresh, kept: [] };
  const theirs = mustRead(existing, path);
  const kept: KeptValue[] = [];
  const edits: Edit[] = [];
  for (const ours of mustRead(fresh, "config.rb")) {
    const own = theirs.findLast(({ name, conditional }) => name === ours.name && !conditional);
    const older = theirs.findLast(
      ({ name, value }) => olderNames[name] === ours.name && value?.value !== null,
    );
    const wanted = fresh.slice(ours.valueStart, ours.valueEnd);
    if (own === undefined) edits.push(appended(existing, fresh, ours));
    else edits.push(...updates(own, ours, wanted));
    const ruling = older ?? own;
    if (ruling !== undefined && !follows(ruling, ours) && !identity.includes(ours.name)) {
      const text = existing.slice(ruling.valueStart, ruling.valueEnd);
      kept.push({ name: `$${ruling.name}`, own: text, ours: wanted });
    }
  }
  return { text: apply(existing, edits), kept };
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function mustRead(text: string, path: string): readonly Assignment[] {
  const read = readAssignments(text);
  if (read.ok) return read.assignments;
  throw new AppError("E_CONFIG_INVALID", `${path} cannot be read: ${read.message}`, {
    details: [`${path}:${read.line}`],
    hint: "mend that line, or move the file away and run 'cluster render' again; nothing was written",
  });
}

/** Whether the value in the file is cluster.yaml's: the new one, or the one that it was rendered from. */
function follows(own: Assignment, ours: Assignment): boolean {
  if (own.value === undefined) return false;
  if (ours.value !== undefined && sameValue(own.value.value, ours.value.value)) return true;
  const base = baseOf(own);
  return base !== undefined && sameValue(own.value.value, base.value);
}

/** What cluster.yaml had when this line was rendered; undefined when its comment is gone. */
function baseOf({ comment }: Assignment): ReturnType<typeof readLiteral> {
  return comment?.text.startsWith(mark) === true ? readLiteral(comment.text.slice(mark.length)) : undefined;
}

function updates(own: Assignment, ours: Assignment, wanted: string): Edit[] {
  const value = { start: own.valueStart, end: own.valueEnd, text: wanted };
  const current =
    own.value !== undefined && ours.value !== undefined && sameValue(own.value.value, ours.value.value);
  if (identity.includes(own.name)) return current ? [] : [value];
  const base = baseOf(own);
  if (base === undefined || own.comment === undefined) return [];
  if (ours.value !== undefined && sameValue(base.value, ours.value.value)) return [];
  const comment = { start: own.comment.start, end: own.comment.end, text: `${mark} ${wanted}` };
  return follows(own, ours) && !current ? [value, comment] : [comment];
}

/** A variable that the file does not have yet goes to its end, with the comment above it. */
function appended(existing: string, fresh: string, ours: Assignment): Edit {
  const lines = fresh.slice(0, ours.start).split("\n").slice(0, -1);
  const first = lines.findLastIndex((line) => !line.startsWith("#")) + 1;
  const comment = lines.slice(first).map((line) => `${line}\n`);
  const line = fresh.slice(ours.start, ours.comment?.end ?? ours.valueEnd);
  const at = existing.length;
  return { start: at, end: at, text: `${existing.endsWith("\n") ? "" : "\n"}\n${comment.join("")}${line}\n` };
}

function apply(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { start, end, text: added } of edits.toReversed().toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + added + result.slice(end);
  }
  return result;
}
