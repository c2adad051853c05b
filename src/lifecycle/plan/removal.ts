import type { Chain, Observed, Stage, StepOf } from "./plan.ts";

/** The steps that take a machine out of a cluster that goes on without it. */
export type RemovalKind = "drain" | "leave-etcd" | "halt" | "destroy" | "uncordon";

export interface RemovalRequest {
  readonly observed: readonly Observed[];
  /** The machines to take out, one after the other. */
  readonly doomed: readonly string[];
  /** The machines that etcd counts as its members now. */
  readonly members: readonly string[];
  readonly reason: string;
}

/**
 * One machine after the other: its units move, etcd forgets it, it is shut down and removed. etcd stays able to decide,
 * since it loses one member at a time.
 */
export function removalStages({ observed, doomed, members, reason }: RemovalRequest): Stage<RemovalKind>[] {
  const gone = new Set<string>();
  return doomed.flatMap((name): Stage<RemovalKind>[] => {
    const machine = observed.find((one) => one.name === name);
    gone.add(name);
    if (machine === undefined || machine.state === "absent") return [];
    const others = observed.filter((one) => !gone.has(one.name) && !doomed.includes(one.name));
    const othersRun = others.some(({ state }) => state === "running");
    const runs = machine.state === "running";
    const drains = runs && othersRun;
    const leaves = members.includes(name) && members.some((member) => !gone.has(member)) && othersRun;
    const step = <Kind extends RemovalKind>(kind: Kind, why: string): StepOf<Kind> =>
      ({ kind, node: name, reason: why }) as unknown as StepOf<Kind>;
    const chain: Chain<RemovalKind> = [
      ...(drains ? [step("drain", "its units move first")] : []),
      ...(leaves ? [step("leave-etcd", "etcd shall not wait for it")] : []),
      ...(drains ? [step("halt", "it is empty")] : []),
      step("destroy", reason),
      ...(drains ? [step("uncordon", "its id is not used again")] : []),
    ];
    return [[chain]];
  });
}

/**
 * Members that would be lost to etcd without its knowing: nobody runs who could tell it. Such a machine could not come
 * back, since etcd would take it for the old one that has lost its data.
 */
export function strandedMembers({ observed, doomed, members }: Omit<RemovalRequest, "reason">): string[] {
  const others = observed.filter(({ name }) => !doomed.includes(name));
  if (others.some(({ state }) => state === "running")) return [];
  if (!members.some((name) => !doomed.includes(name))) return [];
  const whole = observed.filter(({ state }) => state === "stopped" || state === "running");
  return whole.flatMap(({ name }) => (doomed.includes(name) && members.includes(name) ? [name] : []));
}
