/**
 * What a verb is going to do, as data: printed by `--dry-run`, journalled, then carried out by ../steps. Everything here
 * only computes.
 */

import type { Condition } from "../state/condition.ts";
import { removalStages, type RemovalKind } from "./removal.ts";

/** Each kind of step and what it needs to know. */
interface StepFields {
  /** Image, network, mirror and supervisor. */
  readonly prepare: object;
  /** Throw a half-made machine away. */
  readonly discard: { readonly node: string };
  readonly create: { readonly node: string };
  /** Give an existing machine its present user-data. */
  readonly provision: { readonly node: string };
  /** Apply the user-data on the running machine now. */
  readonly apply: { readonly node: string };
  readonly start: { readonly node: string };
  /** Until every layer answers, and fleet lists so many machines. */
  readonly wait: { readonly node: string; readonly machines: number };
  readonly halt: { readonly node: string };
  /** Until what ran on the node runs elsewhere. */
  readonly "hand-over": { readonly node: string };
  /** Move its units and give it none any more. */
  readonly drain: { readonly node: string };
  /** Take its etcd off the cluster's members. */
  readonly "leave-etcd": { readonly node: string };
  /** Add its etcd to the cluster's members, before it is there. */
  readonly "join-etcd": { readonly node: string };
  /** Forget that it was drained. */
  readonly uncordon: { readonly node: string };
  readonly kill: { readonly node: string };
  readonly destroy: { readonly node: string };
  readonly services: { readonly units: readonly string[] };
  /** Remove what `prepare` made. */
  readonly dispose: object;
  /** Remove the state. */
  readonly forget: object;
}

export type StepKind = keyof StepFields;

export type Step = {
  [Kind in StepKind]: { readonly kind: Kind; readonly reason: string } & StepFields[Kind];
}[StepKind];

/** The step of one kind. */
export type StepOf<Kind extends StepKind> = Extract<Step, { readonly kind: Kind }>;

/** Stages one after the other; in a stage, chains side by side; in a chain, steps one after the other. */
export type Plan<Kind extends StepKind = StepKind> = readonly Stage<Kind>[];
export type Stage<Kind extends StepKind = StepKind> = readonly Chain<Kind>[];
export type Chain<Kind extends StepKind = StepKind> = readonly StepOf<Kind>[];

/** What `up`, `reload` and `provision` may have to do. */
export type MakingKind =
  | "prepare"
  | "discard"
  | "create"
  | "provision"
  | "apply"
  | "start"
  | "wait"
  | "halt"
  | "hand-over"
  | "join-etcd"
  | "services"
  | RemovalKind;
/** What needs no cluster.yaml. */
export type EndingKind = "kill" | "dispose" | "forget" | RemovalKind;

/** All steps of a plan in the order in which they are listed. */
export function stepsOf(plan: Plan): readonly Step[] {
  return plan.flat(2);
}

/** `start core-01`; unique in a plan. */
export function stepName(step: Step): string {
  return "node" in step ? `${step.kind} ${step.node}` : step.kind;
}

/** What is known of one machine before we act. */
export interface Observed {
  readonly name: string;
  readonly state: Condition;
  /** Why the running machine is not ready; undefined when it is. */
  readonly trouble?: string | undefined;
  /** Whether its user-data differs from what cluster.yaml gives now. */
  readonly stale: boolean;
}

export interface UpRequest {
  readonly observed: readonly Observed[];
  /** The machines to bring up. */
  readonly selected: readonly string[];
  readonly provision: boolean;
  /** Names of the units whose files are new or changed. */
  readonly services: readonly string[];
  /** Machines whose etcd has to be added to the members before they are made. */
  readonly joining?: readonly string[];
}

/** Everything that is missing until the selected machines run, are ready, and the services are submitted. */
export function planUp(request: UpRequest): Plan<MakingKind> {
  const { observed, selected, provision, services, joining = [] } = request;
  const chosen = observed.filter(({ name }) => selected.includes(name));
  const machines = observed.filter(
    ({ name, state }) => !joining.includes(name) && (state === "running" || selected.includes(name)),
  ).length;
  const old = chosen.filter(({ name }) => !joining.includes(name));
  const chains = old.map((node) => upChain(node, machines, provision)).filter((chain) => chain.length > 0);
  // etcd takes one new member at a time, and needs all others for it.
  const additions = chosen
    .filter(({ name }) => joining.includes(name))
    .map((node, index): Stage<MakingKind> => [joinChain(node, machines + index + 1)]);
  const starts = [...chains, ...additions.flat()]
    .flat()
    .some(({ kind }) => kind === "create" || kind === "start");
  const submit: Chain<MakingKind> = [
    { kind: "services", units: services, reason: `new or changed: ${services.join(", ")}` },
  ];
  return [
    ...(starts ? [[[{ kind: "prepare", reason: "machines are going to be started" } as const]]] : []),
    ...(chains.length > 0 ? [chains] : []),
    ...additions,
    ...(services.length > 0 ? [[submit]] : []),
  ];
}

function upChain(node: Observed, machines: number, provision: boolean): Chain<MakingKind> {
  const { name, state } = node;
  const wait = (reason: string): StepOf<"wait"> => ({ kind: "wait", node: name, machines, reason });
  const start: StepOf<"start"> = { kind: "start", node: name, reason: "it does not run" };
  const create: StepOf<"create"> = { kind: "create", node: name, reason: "it does not exist" };
  const refresh = provision && node.stale;
  const renew: StepOf<"provision"> = { kind: "provision", node: name, reason: "its user-data changed" };
  switch (state) {
    case "absent":
      return [create, start, wait("it was started")];
    case "half-made":
      return [
        { kind: "discard", node: name, reason: "an earlier run did not finish making it" },
        create,
        start,
        wait("it was started"),
      ];
    case "stopped":
      return [...(refresh ? [renew] : []), start, wait("it was started")];
    case "running": {
      if (refresh) {
        const apply: StepOf<"apply"> = { kind: "apply", node: name, reason: "its user-data changed" };
        return [renew, apply, wait("it was provisioned")];
      }
      return node.trouble === undefined ? [] : [wait(node.trouble)];
    }
  }
}

/** A machine that was taken out comes back as a new one. */
function joinChain({ name, state }: Observed, machines: number): Chain<MakingKind> {
  const discard: StepOf<"discard"> = {
    kind: "discard",
    node: name,
    reason: "an earlier run did not finish removing it",
  };
  return [
    ...(state === "absent" ? [] : [discard]),
    { kind: "join-etcd", node: name, reason: "etcd has to expect it" },
    { kind: "create", node: name, reason: "it does not exist" },
    { kind: "start", node: name, reason: "it does not run" },
    { kind: "wait", node: name, machines, reason: "it was started" },
  ];
}

/** Shuts running machines down, side by side. */
export function planHalt(
  verb: "halt" | "kill",
  observed: readonly Observed[],
  selected: readonly string[],
): Plan<EndingKind> {
  const running = observed.filter(({ name, state }) => selected.includes(name) && state === "running");
  const chains = running.map(({ name }): Chain<EndingKind> => [
    { kind: verb, node: name, reason: "it runs" },
  ]);
  return chains.length === 0 ? [] : [chains];
}

export interface ReloadRequest {
  readonly observed: readonly Observed[];
  readonly selected: readonly string[];
  readonly provision: boolean;
}

/**
 * One machine after the other: handed over, off, on, ready again; then the next. With `provision` only those whose user-data
 * has changed: the others are not touched.
 */
export function planReload({ observed, selected, provision }: ReloadRequest): Plan<MakingKind> {
  const running = observed.filter(({ state }) => state === "running").map(({ name }) => name);
  const nodes = selected.flatMap((name) =>
    observed.filter((node) => node.name === name && node.state !== "absent" && (!provision || node.stale)),
  );
  const up = new Set(running);
  const stages = nodes.map(({ name, state }): Stage<MakingKind> => {
    const others = [...up].some((other) => other !== name);
    up.add(name);
    const reason = "reload was asked for";
    const down: Chain<MakingKind> =
      state !== "running"
        ? []
        : [
            { kind: "halt", node: name, reason },
            ...(others ? [{ kind: "hand-over", node: name, reason: "its units move first" } as const] : []),
          ];
    const renew: Chain<MakingKind> = provision
      ? [{ kind: "provision", node: name, reason: "its user-data changed" }]
      : [];
    return [
      [
        ...down,
        ...renew,
        { kind: "start", node: name, reason },
        { kind: "wait", node: name, machines: up.size, reason: "ready before the next" },
      ],
    ];
  });
  const prepare: Stage<MakingKind> = [[{ kind: "prepare", reason: "machines are going to be started" }]];
  return stages.length === 0 ? [] : [prepare, ...stages];
}

/** New user-data for each machine; on those that run it is applied at once. */
export function planProvision(observed: readonly Observed[], selected: readonly string[]): Plan<MakingKind> {
  const machines = observed.filter(({ state }) => state === "running").length;
  const chains = observed
    .filter(({ name, state }) => selected.includes(name) && (state === "running" || state === "stopped"))
    .map(({ name, state }): Chain<MakingKind> => {
      const reason = "provision was asked for";
      const renew: StepOf<"provision"> = { kind: "provision", node: name, reason };
      if (state !== "running") return [renew];
      return [
        renew,
        { kind: "apply", node: name, reason },
        { kind: "wait", node: name, machines, reason: "it was provisioned" },
      ];
    });
  return chains.length === 0 ? [] : [chains];
}

/**
 * Removes machines whatever their state; with all of them, also what they shared and the state. Where some stay, the
 * others leave in good order.
 */
export function planDestroy(
  observed: readonly Observed[],
  selected: readonly string[],
  members: readonly string[],
): Plan<EndingKind> {
  const gone = (state: Condition): boolean => state === "absent";
  const all = observed.every(({ name, state }) => selected.includes(name) || gone(state));
  if (!all)
    return removalStages({ observed, doomed: selected, members, reason: "it is taken out of the cluster" });
  const doomed = observed.filter(({ name, state }) => selected.includes(name) && !gone(state));
  const chains = doomed.map(({ name, state }): Chain<EndingKind> => [
    { kind: "destroy", node: name, reason: `it is ${state}` },
  ]);
  const rest: Chain<EndingKind> = [
    { kind: "dispose", reason: "no machine is left" },
    { kind: "forget", reason: "no machine is left" },
  ];
  return [...(chains.length > 0 ? [chains] : []), [rest]];
}
