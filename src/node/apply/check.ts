import type { CloudConfig } from "../cloud-config/model.ts";
import { type Placed, type Problem, problemAt } from "../cloud-config/place.ts";
import { resolveOwner } from "./accounts.ts";
import type { Facts } from "./facts.ts";
import type { Goal } from "./goal.ts";

/** What stands in the way of the goals on this very machine, found before anything is changed. */
export function check(config: CloudConfig, goals: readonly Goal[], facts: Facts): readonly Problem[] {
  const made = new Set(config.users.map(({ name }) => name));
  const problems = [
    ...goals.flatMap((goal) => checkOwners(goal, made, facts)),
    ...goals.flatMap((goal) => checkPath(goal, goals, facts)),
    ...goals.flatMap((goal) => checkUnit(goal, goals, facts)),
    ...doubled(
      config.users.map(({ name, place }) => ({ value: name, place })),
      "user",
    ),
    ...doubled(
      config.units.flatMap(({ name, command }) =>
        command === undefined ? [] : [{ value: name, place: command.place }],
      ),
      "command for",
    ),
  ];
  return problems.toSorted((a, b) => a.line - b.line);
}

function checkOwners(goal: Goal, made: ReadonlySet<string>, facts: Facts): readonly Problem[] {
  if (goal.kind === "keys" && !made.has(goal.user) && !facts.accounts.users.has(goal.user)) {
    return [problemAt(goal.place, `there is no user "${goal.user}" to give the keys to`)];
  }
  if (goal.kind === "user") {
    const groups = [...goal.user.groups, goal.user.primaryGroup ?? ""].filter((group) => group !== "");
    const missing = groups.filter((group) => !facts.accounts.groups.has(group) && !/^\d+$/.test(group));
    if (facts.accounts.users.has(goal.user.name)) return [];
    return missing.map((group) => problemAt(goal.place, `there is no group "${group}"`));
  }
  if (goal.kind !== "file" || goal.owner === undefined) return [];
  const { user, group, loginGroup } = goal.owner;
  const { unknown } = resolveOwner(
    {
      user: user !== undefined && made.has(user) ? undefined : user,
      // A new user brings a group of that name.
      group: group !== undefined && made.has(group) ? undefined : group,
      loginGroup,
    },
    facts.accounts,
  );
  return unknown === undefined ? [] : [problemAt(goal.place, `there is no ${unknown} to own ${goal.path}`)];
}

function checkPath(goal: Goal, goals: readonly Goal[], facts: Facts): readonly Problem[] {
  if (goal.kind !== "file") return [];
  const problems: Problem[] = [];
  if (goal.path.startsWith("/usr/") && !facts.usrWritable) {
    problems.push(problemAt(goal.place, `${goal.path} cannot be written: /usr is read-only here`));
  }
  if (facts.files.get(goal.path)?.kind === "folder") {
    problems.push(problemAt(goal.place, `${goal.path} is a folder`));
  }
  const below = goals.find((other) => other.kind === "file" && other.path.startsWith(`${goal.path}/`));
  if (below?.kind === "file") {
    problems.push(problemAt(below.place, `${below.path} cannot lie below ${goal.path}, which is a file`));
  }
  return problems;
}

function checkUnit(goal: Goal, goals: readonly Goal[], facts: Facts): readonly Problem[] {
  if (goal.kind !== "command" && goal.kind !== "enable") return [];
  const masked = goals.some((other) => other.kind === "mask" && other.unit === goal.unit);
  if (masked && goal.kind === "command" && goal.command !== "stop") {
    return [
      problemAt(goal.place, `${goal.unit} is masked above and cannot get the command "${goal.command}"`),
    ];
  }
  const absent =
    facts.units.get(goal.unit)?.load === "not-found" && !(goal.kind === "command" && goal.ifPresent);
  const template = goal.unit.replace(/@.*\./, "@.");
  const written = goals.some((other) => {
    if (other.kind !== "file" || other.unit === undefined) return false;
    return [goal.unit, template].includes(other.unit) && other.path.endsWith(`/${other.unit}`);
  });
  return absent && !written ? [problemAt(goal.place, `there is no unit ${goal.unit} on this machine`)] : [];
}

function doubled(names: readonly Placed<string>[], what: string): readonly Problem[] {
  return names
    .filter(({ value }, index) => names.findIndex((other) => other.value === value) < index)
    .map(({ value, place }) => problemAt(place, `this is a second ${what} "${value}"`));
}
