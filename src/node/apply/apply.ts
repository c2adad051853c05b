import { messageOf } from "../../foundation/errors.ts";
import { lastLines } from "../../foundation/exec.ts";
import { type Problem, problemAt } from "../cloud-config/place.ts";
import { resolveOwner } from "./accounts.ts";
import { readAccounts } from "./facts.ts";
import type { Access, Machine } from "./machine.ts";
import type { Step } from "./step.ts";

/** Does the steps in order and ends at the first that fails, with the key that asked for it. */
export async function apply(steps: readonly Step[], machine: Machine): Promise<Problem | undefined> {
  for (const group of groupsOf(steps)) {
    if (group.length > 1 && (await queueTogether(group, machine))) continue;
    for (const step of group) {
      try {
        const failure = await act(step, machine);
        if (failure !== undefined) return problemAt(step.place, failure);
      } catch (error) {
        return problemAt(step.place, messageOf(error));
      }
    }
  }
  return undefined;
}

/** Neighbours that queue the same kind of job: each call of systemctl costs a boot some 30 ms. */
function groupsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const job = jobOf(step);
    if (last?.[0] !== undefined && job !== undefined && jobOf(last[0]) === job) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

function jobOf(step: Step): string | undefined {
  if (step.kind !== "run") return undefined;
  const end = step.argv.indexOf("--");
  return step.argv[1] === "--no-block" && end > 0 ? step.argv.slice(0, end).join(" ") : undefined;
}

/** Whether it went well; if not, one by one they will say which unit it was. Queueing a job twice is queueing it once. */
async function queueTogether(steps: readonly Step[], machine: Machine): Promise<boolean> {
  const runs = steps.flatMap((step) => (step.kind === "run" ? [step] : []));
  const [first] = runs;
  if (first === undefined) return false;
  const units = runs.flatMap(({ argv }) => argv.slice(argv.indexOf("--") + 1));
  const [program, ...options] = first.argv.slice(0, first.argv.indexOf("--") + 1);
  if (program === undefined) return false;
  return (await machine.run([program, ...options, ...units])).code === 0;
}

/** Undefined when it went well, else what went wrong. */
async function act(step: Step, machine: Machine): Promise<string | undefined> {
  switch (step.kind) {
    case "link":
      await machine.link(step.path, step.target);
      return undefined;
    case "remove":
      await machine.remove(step.path);
      if (step.folder !== undefined) await machine.removeIfEmpty(step.folder);
      return undefined;
    case "run":
      return await run(step.argv, machine, step.input);
    case "reload":
      return (await isStale(step.units, machine))
        ? await run(["systemctl", "daemon-reload"], machine)
        : undefined;
    case "folder":
    case "write": {
      const access = await accessOf(step, machine);
      if (typeof access === "string") return access;
      if (step.kind === "folder") await machine.folder(step.path, access);
      else await machine.write(step.path, step.content, access);
      return undefined;
    }
  }
}

/** Names become numbers only now: the user may have been made two steps ago. */
async function accessOf(
  step: Extract<Step, { kind: "folder" | "write" }>,
  machine: Machine,
): Promise<Access | string> {
  if (step.owner === undefined) return { mode: step.mode };
  const { uid, gid, unknown } = resolveOwner(step.owner, await readAccounts(machine));
  return unknown === undefined ? { mode: step.mode, uid, gid } : `there is no ${unknown} to own ${step.path}`;
}

/** Undefined when the program ended well, else its last words. */
async function run(
  argv: readonly [string, ...string[]],
  machine: Machine,
  input?: string,
): Promise<string | undefined> {
  const { code, stdout, stderr, missing } = await machine.run(argv, input);
  if (code === 0) return undefined;
  const why = missing ? "there is no such program" : lastLines(stderr || stdout, 3).join("; ");
  return `${argv.join(" ")}: ${why || `exit ${code ?? "by signal"}`}`;
}

/**
 * Whether systemd remembers one of the units as it was before. At boot it mostly does not: it has not read them yet, and
 * the question is thirty times cheaper than reading everything again. Its own NeedDaemonReload is no answer: it does not
 * notice the first drop-in of a unit. Of a template, or of a whole type of units (`service.d`), it cannot be asked.
 */
async function isStale(units: readonly string[], machine: Machine): Promise<boolean> {
  if (units.some((unit) => unit.includes("@.") || !unit.includes("."))) return true;
  const { stdout, code } = await machine.run([
    "systemctl",
    "list-units",
    "--all",
    "--plain",
    "--no-legend",
    "--",
    ...units,
  ]);
  return code !== 0 || stdout.split("\n").some((line) => /^\S+\s+(?!not-found)\S/.test(line.trim()));
}
