import { createHash } from "node:crypto";
import type { Facts } from "./facts.ts";
import type { Goal } from "./goal.ts";
import type { FileFact } from "./machine.ts";
import { unitOf } from "./goals.ts";
import type { Step } from "./step.ts";

/**
 * Memory of the files that our cloud-configs have written, so that one which no longer asks for a file takes it away
 * again. A file that somebody has changed since is theirs: it is left, and that is said.
 */

/** Where the memory lies; it holds what was there before us, so it is for root only. */
export const writtenFile = { path: "/var/lib/flotilla/written.json", mode: 0o600 } as const;

export interface Written {
  readonly path: string;
  /** What of ours may lie there: more than one only while a change is under way. */
  readonly prints: readonly string[];
  /** What lay there before us; undefined when nothing did. */
  readonly before?: Before | undefined;
}

export interface Before {
  readonly base64: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Reads the memory; what makes no sense is forgotten. */
export function parseWritten(text: string): readonly Written[] {
  try {
    const data = JSON.parse(text) as { readonly version?: unknown; readonly files?: unknown };
    return data.version === 1 && Array.isArray(data.files) ? (data.files as Written[]) : [];
  } catch {
    return [];
  }
}

/** The memory as text: the same for the same files, whatever their order. */
export function showWritten(files: readonly Written[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return `${JSON.stringify({ version: 1, files: sorted })}\n`;
}

/** What the goals will have written. */
function writtenBy(goals: readonly Goal[], old: readonly Written[], facts: Facts): readonly Written[] {
  return goals.flatMap((goal): Written[] => {
    if (goal.kind !== "file" && goal.kind !== "mask") return [];
    const { path } = goal;
    const known = old.find((one) => one.path === path);
    const prints = [goal.kind === "file" ? filePrint(goal.content) : linkPrint("/dev/null")];
    const before = known === undefined ? beforeOf(facts.files.get(path)) : known.before;
    return [{ path, prints, ...(before === undefined ? {} : { before }) }];
  });
}

export interface Clearing {
  readonly steps: readonly Step[];
  /** Units of which a file goes. */
  readonly units: readonly string[];
  /** A sentence for each file that was left. */
  readonly notes: readonly string[];
  /** To be remembered while the steps are done: ours, old and new. */
  readonly during: readonly Written[];
  /** To be remembered when they are done. */
  readonly after: readonly Written[];
}

/** What has to go because an earlier document wrote it and this one does not ask for it. Pure. */
export function planClearing(goals: readonly Goal[], old: readonly Written[], facts: Facts): Clearing {
  const wanted = writtenBy(goals, old, facts);
  const stray = old.filter(({ path }) => !wanted.some((one) => one.path === path));
  const present = stray.filter(({ path }) => facts.files.has(path));
  const [ours, theirs] = [true, false].map((mine) =>
    present.filter(({ path, prints }) => prints.includes(printOf(facts.files.get(path))) === mine),
  ) as [Written[], Written[]];
  const during = [
    ...wanted.map((one) => {
      const earlier = old.find(({ path }) => path === one.path)?.prints ?? [];
      return { ...one, prints: [...new Set([...one.prints, ...earlier])] };
    }),
    ...stray,
  ];
  return {
    steps: ours.flatMap((one) => [...stopSteps(one, goals), clearStep(one)]),
    units: ours.flatMap(({ path }) => unitOf(path) ?? []),
    notes: theirs.map(
      ({ path }) => `${path} was left: it is no longer asked for, but was changed since we wrote it`,
    ),
    during,
    after: [...wanted, ...theirs],
  };
}

const place = { key: "", line: 1 };

function clearStep({ path, before }: Written): Step {
  const reason = "it is no longer asked for";
  if (before === undefined) {
    const folder = /^(\/(?:etc|run)\/systemd\/system\/[^/]+\.d)\/[^/]+$/.exec(path)?.[1];
    return { kind: "remove", path, folder, reason, place };
  }
  const owner = { user: String(before.uid), group: String(before.gid), loginGroup: false };
  const content = Buffer.from(before.base64, "base64");
  return {
    kind: "write",
    path,
    content,
    mode: before.mode,
    owner,
    reason: `${reason}; this was there before`,
    place,
  };
}

/** A unit whose own file goes must not run on; one that the document still names is only read anew. */
function stopSteps({ path, before }: Written, goals: readonly Goal[]): readonly Step[] {
  const unit = unitOf(path);
  const named = goals.some((goal) => "unit" in goal && goal.unit === unit);
  if (unit === undefined || !path.endsWith(`/${unit}`) || before !== undefined || named) return [];
  const argv: [string, ...string[]] = unit.includes("@.")
    ? ["systemctl", "--no-block", "stop", "--", unit.replace("@.", "@*.")]
    : ["systemctl", "--no-block", "--now", "disable", "--", unit];
  return [{ kind: "run", argv, reason: "its file is no longer asked for", place }];
}

function printOf(fact: FileFact | undefined): string {
  if (fact?.kind === "file") return filePrint(fact.content);
  return fact?.kind === "link" ? linkPrint(fact.target) : "";
}

function filePrint(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function linkPrint(target: string): string {
  return `-> ${target}`;
}

function beforeOf(fact: FileFact | undefined): Before | undefined {
  if (fact?.kind !== "file") return undefined;
  const { content, mode, uid, gid } = fact;
  return { base64: Buffer.from(content).toString("base64"), mode, uid, gid };
}
