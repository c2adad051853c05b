import type { Place } from "../cloud-config/place.ts";
import { type Facts, textOf } from "./facts.ts";
import { whyNotFile } from "./file-difference.ts";
import { type Goal, mergeLines } from "./goal.ts";
import { planCommand, planEnable } from "./plan-units.ts";
import { planKeys, planUser } from "./plan-users.ts";
import type { Step } from "./step.ts";
import type { Clearing } from "./written.ts";

/**
 * What has to be done so that the goals hold, given the facts; nothing when they hold. Pure. systemd is told to read
 * changed unit files once, before the first command, and only units whose files changed are started anew.
 */
export function plan(goals: readonly Goal[], facts: Facts, clearing: Clearing): readonly Step[] {
  const written = new Set(goals.flatMap((goal) => (goal.kind === "file" ? [goal.path] : [])));
  const changed = new Set<string>(clearing.units);
  const steps: Step[] = [...clearing.steps];
  const commands: Step[] = [];
  for (const goal of goals) {
    const made = planGoal(goal, { facts, written, changed });
    (goal.kind === "command" ? commands : steps).push(...made);
    if (made.length > 0) for (const unit of unitsOf(goal)) changed.add(unit);
  }
  return [...steps, ...reloads(goals, changed), ...commands];
}

interface Context {
  readonly facts: Facts;
  /** Paths that some goal writes. */
  readonly written: ReadonlySet<string>;
  /** Units of which a file is about to change. */
  readonly changed: ReadonlySet<string>;
}

function planGoal(goal: Goal, { facts, written, changed }: Context): readonly Step[] {
  switch (goal.kind) {
    case "hostname":
      return planHostname(goal.name, goal.place, facts);
    case "user":
      return planUser(goal.user, facts);
    case "keys":
      return planKeys(goal, { facts, written });
    case "file": {
      const reason = whyNotFile(goal, facts);
      if (reason === undefined) return [];
      const { path, content, mode, owner, place } = goal;
      return [{ kind: "write", path, content, mode, owner, reason, place }];
    }
    case "lines": {
      const old = facts.files.get(goal.path) ?? facts.files.get(goal.base ?? "");
      const content = new TextEncoder().encode(mergeLines(textOf(old), goal.set));
      const wanted = { path: goal.path, content, mode: 0o644, owner: undefined };
      const reason = whyNotFile(wanted, facts);
      return reason === undefined ? [] : [{ kind: "write", ...wanted, reason, place: goal.place }];
    }
    case "mask": {
      const fact = facts.files.get(goal.path);
      if (fact?.kind === "link" && fact.target === "/dev/null") return [];
      const reason = `${goal.unit} is not masked`;
      return [{ kind: "link", path: goal.path, target: "/dev/null", reason, place: goal.place }];
    }
    case "enable":
      return planEnable(goal, facts);
    case "command":
      return planCommand(goal, { facts, changed });
  }
}

function planHostname(name: string, place: Place, facts: Facts): readonly Step[] {
  const wanted = {
    path: "/etc/hostname",
    content: new TextEncoder().encode(`${name}\n`),
    mode: 0o644,
    owner: undefined,
  };
  const reason = whyNotFile(wanted, facts);
  const steps: Step[] = reason === undefined ? [] : [{ kind: "write", ...wanted, reason, place }];
  if (facts.hostname !== name) {
    // Not hostnamectl: its service needs D-Bus, which is not there yet when we run at boot.
    steps.push({ kind: "run", argv: ["hostname", name], reason: `the name is ${facts.hostname}`, place });
  }
  return steps;
}

function unitsOf(goal: Goal): readonly string[] {
  if (goal.kind === "lines") return goal.units;
  if (goal.kind === "file") return goal.unit === undefined ? [] : [goal.unit];
  return goal.kind === "mask" || goal.kind === "enable" ? [goal.unit] : [];
}

function reloads(goals: readonly Goal[], changed: ReadonlySet<string>): readonly Step[] {
  if (changed.size === 0) return [];
  const asking = goals.find((goal) => unitsOf(goal).some((unit) => changed.has(unit)));
  // None asks for it when a file goes.
  const place = asking?.place ?? { key: "", line: 1 };
  const network = [...changed].filter((unit) => /\.(network|netdev|link)$/.test(unit));
  const steps: Step[] = [];
  const units = [...changed].filter((unit) => !network.includes(unit));
  if (units.length > 0) steps.push({ kind: "reload", units, reason: "unit files change", place });
  if (network.length > 0) {
    const argv = ["systemctl", "--no-block", "restart", "systemd-networkd.service"] as const;
    steps.push({ kind: "run", argv: [...argv], reason: `${network.join(", ")} change`, place });
  }
  return steps;
}
