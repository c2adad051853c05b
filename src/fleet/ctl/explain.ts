import type { ApiExplanation } from "../api/client.ts";
import { mangleUnitName } from "../unit/name.ts";
import { type Call, isOn } from "./command.ts";
import { byId, type MachineMap, machineLegend } from "./legend.ts";

/** How many machines are told one by one before those with the same reason are told together. */
const oneByOne = 10;

/** `fleetctl explain`: why units are where they are, or nowhere, and what would have to change. */
export async function explain(call: Call): Promise<number> {
  if (call.args.length === 0) {
    call.err("No units given");
    return 1;
  }
  const fleet = await call.fleet();
  const names = [...new Set(call.args.map(mangleUnitName))];
  const explained = await Promise.all(names.map(async (name) => await fleet.explain(name)));
  const found = explained.filter((explanation) => explanation !== undefined);
  for (const [index, name] of names.entries())
    if (explained[index] === undefined) call.err(`Unit ${name} does not exist.`);
  if (isOn(call.options, "json")) call.out(JSON.stringify(found, undefined, 2));
  else {
    const machines = byId(await fleet.machines());
    const texts = found.map((one) => describe(one, machines, isOn(call.options, "full")).join("\n"));
    if (texts.length > 0) call.out(texts.join("\n\n"));
  }
  return found.length < names.length ? 1 : 0;
}

/** Says that the engine holds back. @param ms for how long */
export function holdingText(ms: number): string {
  return `more than half of the machines vanished at once: nothing is moved for another ${Math.ceil(ms / 1_000)} s`;
}

function describe(explanation: ApiExplanation, machines: MachineMap, full: boolean): string[] {
  const { unit, desired, fate, summary, together, machineID, holdingFor } = explanation;
  const legend = (id: string): string => machineLegend(id, machines, full);
  const where = machineID === undefined ? fates[fate] : `placed on ${legend(machineID)}`;
  const others = together.filter((name) => name !== unit);
  return [
    `Unit ${unit} (target state ${desired}): ${where}`,
    `  because: ${summary}`,
    ...(others.length === 0 ? [] : [`  together with: ${others.join(", ")}`]),
    ...(holdingFor === undefined ? [] : [`  ${holdingText(holdingFor)}`]),
    ...machineLines(explanation, legend),
  ];
}

const fates: Readonly<Record<ApiExplanation["fate"], string>> = {
  placed: "placed",
  everywhere: "on every machine that fits",
  waiting: "waiting for a machine to let go",
  refused: "on no machine",
  undecided: "not placed yet",
  unwanted: "on no machine, as wanted",
};

function machineLines({ machines }: ApiExplanation, legend: (id: string) => string): string[] {
  if (machines.length === 0) return ["  there is no machine in the cluster"];
  const alike = new Map<string, { ids: string[]; lines: string[] }>();
  for (const { machineID, verdict, load, obstacles } of machines) {
    const words =
      verdict === "here" || verdict === "able" ? `${verdicts[verdict]} (${units(load)})` : verdicts[verdict];
    const lines = obstacles.flatMap(({ why, change }) => [`      ${why}`, `        -> ${change}`]);
    const key =
      machines.length > oneByOne ? [verdict, ...obstacles.map(({ why }) => why)].join("\n") : machineID;
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { ids: [machineID], lines: [words, ...lines] });
    else known.ids.push(machineID);
  }
  return [...alike.values()].flatMap(({ ids: [first = "", ...rest], lines: [words, ...lines] }) => {
    const more = rest.length === 0 ? "" : ` and ${rest.length} more`;
    return [`  ${legend(first)}${more}: ${words}`, ...lines];
  });
}

const verdicts = {
  here: "it is here",
  able: "could run it",
  later: "could run it soon",
  unable: "cannot run it",
} as const;

function units(count: number): string {
  return `${count} ${count === 1 ? "unit" : "units"}`;
}
