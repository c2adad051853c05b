import { messageOf } from "../../foundation/errors.ts";
import { lastLines } from "../../foundation/exec.ts";
import { type Problem, problemAt } from "../cloud-config/place.ts";
import { resolveOwner } from "./accounts.ts";
import { readAccounts } from "./facts.ts";
import type { Access, Machine } from "./machine.ts";
import type { Step } from "./step.ts";

/** Does the steps in order and ends at the first that fails, with the key that asked for it. */
export async function apply(steps: readonly Step[], machine: Machine): Promise<Problem | undefined> {
  for (const step of steps) {
    try {
      const failure = await act(step, machine);
      if (failure !== undefined) return problemAt(step.place, failure);
    } catch (error) {
      return problemAt(step.place, messageOf(error));
    }
  }
  return undefined;
}

/** Undefined when it went well, else what went wrong. */
async function act(step: Step, machine: Machine): Promise<string | undefined> {
  switch (step.kind) {
    case "link":
      await machine.link(step.path, step.target);
      return undefined;
    case "run": {
      const { code, stdout, stderr, missing } = await machine.run(step.argv, step.input);
      if (code === 0) return undefined;
      const why = missing ? "there is no such program" : lastLines(stderr || stdout, 3).join("; ");
      return `${step.argv.join(" ")}: ${why || `exit ${code ?? "by signal"}`}`;
    }
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
