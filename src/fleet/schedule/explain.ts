import type { DesiredState, Snapshot, Unit } from "../model.ts";
import { isTemplateName } from "../unit/name.ts";
import { requirementsOf } from "../unit/requirements.ts";
import { lingeringWith, type Obstacle, obstaclesOf } from "./obstacles.ts";
import { groupsOf } from "./peers.ts";
import { clashWithin, type Plan } from "./place.ts";
import { type Candidate, candidates } from "./roster.ts";
import { draftOf, schedule } from "./schedule.ts";
import { loadOf, type View } from "./view.ts";

/** How one machine looks from one unit. */
export interface MachineView {
  readonly machineID: string;
  /** `later`: as soon as another unit has stopped there. */
  readonly verdict: "here" | "able" | "later" | "unable";
  /** Units that are placed there or run there as global ones. */
  readonly load: number;
  /** Why the verdict is `later` or `unable`. */
  readonly obstacles: readonly Obstacle[];
}

/**
 * Why a unit is where it is. `placed`: on a machine; `everywhere`: a global unit; `waiting`: until a machine has let go;
 * `refused`: no machine can run it; `undecided`: the engine has yet to look; `unwanted`: it shall not run.
 */
export interface Explanation {
  readonly unit: string;
  readonly desired: DesiredState;
  readonly fate: "placed" | "everywhere" | "waiting" | "refused" | "undecided" | "unwanted";
  /** Where it is placed; undefined when nowhere, or everywhere. */
  readonly machineID: string | undefined;
  /** One sentence. */
  readonly summary: string;
  /** Units that must be on the same machine, itself included; empty when it goes alone. */
  readonly together: readonly string[];
  /** Every registered machine, in the order of ids. */
  readonly machines: readonly MachineView[];
}

/** Explains one unit from the registry alone. Undefined when there is no such unit. */
export function explainUnit(snapshot: Snapshot, name: string): Explanation | undefined {
  const unit = snapshot.units.get(name);
  if (unit === undefined) return undefined;
  const draft = draftOf({ snapshot, gone: new Set() });
  const { global } = requirementsOf(unit);
  const group = groupWith(unit, draft);
  const placement = global ? undefined : snapshot.placements.get(name);
  const views = [...draft.board.views.values()].sort((a, b) => (a.machine.id < b.machine.id ? -1 : 1));
  const isHere = (view: View): boolean =>
    global ? view.globals.some((other) => other.name === name) : placement?.machineID === view.machine.id;
  return {
    unit: name,
    desired: unit.desired,
    ...fateOf(unit, snapshot),
    machineID: placement?.machineID,
    together: group.length > 1 ? group.map((other) => other.name) : [],
    machines: views.map((view) => lookAt(view, { group, global, plan: draft, here: isHere(view) })),
  };
}

function groupWith(unit: Unit, { roster }: Plan): readonly Candidate[] {
  const inGroup = groupsOf(roster.singles).find((group) => group.some(({ name }) => name === unit.name));
  const known = roster.globals.get(unit.name);
  return inGroup ?? [known ?? candidates()(unit, requirementsOf(unit))];
}

interface Look {
  readonly group: readonly Candidate[];
  readonly global: boolean;
  readonly plan: Plan;
  readonly here: boolean;
}

function lookAt(view: View, { group, global, plan, here }: Look): MachineView {
  const base = { machineID: view.machine.id, load: loadOf(view) };
  if (here) return { ...base, verdict: "here", obstacles: [] };
  const names = new Set(group.map(({ name }) => name));
  const context = { group: names, precedence: plan.precedence };
  // A global unit runs on machines that are cordoned, too.
  const seen = global ? { ...view, cordoned: false } : withoutGroup(view, names);
  const clashing = clashWithin(group);
  const inside: Obstacle[] = clashing === undefined ? [] : [conflictInside(clashing)];
  const obstacles = [
    ...inside,
    ...group.flatMap((one) => named(one, group, obstaclesOf(one, seen, context))),
  ];
  if (obstacles.length > 0) return { ...base, verdict: "unable", obstacles };
  const lingering = [...new Set(group.flatMap((one) => lingeringWith(one, seen)))];
  if (lingering.length === 0) return { ...base, verdict: "able", obstacles: [] };
  const change = `it has to wait until ${lingering.join(", ")} has stopped there`;
  return {
    ...base,
    verdict: "later",
    obstacles: [{ why: "a unit that conflicts is on its way out", change }],
  };
}

function conflictInside([one, other]: readonly [Candidate, Candidate]): Obstacle {
  return {
    why: `Unit(${one.name}) and Unit(${other.name}) conflict but must be together`,
    change: "MachineOf or Conflicts in one of the unit files would have to go",
  };
}

/** The unit's own reasons come plain, those of units it goes with under their name. */
function named(unit: Candidate, group: readonly Candidate[], obstacles: readonly Obstacle[]): Obstacle[] {
  if (group.length === 1) return [...obstacles];
  return obstacles.map(({ why, change }) => ({ why: `Unit(${unit.name}): ${why}`, change }));
}

/** The machine as if the group were not on it: what matters is whether it could come. */
function withoutGroup(view: View, names: ReadonlySet<string>): View {
  const units = new Map([...view.units].filter(([name]) => !names.has(name)));
  return { ...view, units };
}

function fateOf(unit: Unit, snapshot: Snapshot): Pick<Explanation, "fate" | "summary"> {
  const { name, desired } = unit;
  if (isTemplateName(name))
    return { fate: "unwanted", summary: "it is a template: only its instances are scheduled" };
  const placement = snapshot.placements.get(name);
  const global = requirementsOf(unit).global;
  if (placement !== undefined && !global) return { fate: "placed", summary: whyThere(placement, snapshot) };
  if (desired === "inactive")
    return { fate: "unwanted", summary: "target state inactive: 'fleetctl start' schedules it" };
  if (global) return { fate: "everywhere", summary: "it is global: it runs on every machine that fits it" };
  const waiting = schedule({ snapshot, gone: new Set() }).waiting.find((one) => one.unit === name);
  if (waiting !== undefined) return { fate: "waiting", summary: waiting.reason };
  const refusal = snapshot.refusals.get(name);
  if (refusal !== undefined) return { fate: "refused", summary: refusal.summary };
  const engine =
    snapshot.leader === undefined ? "no engine leads the cluster" : "the engine has yet to decide";
  return { fate: "undecided", summary: engine };
}

function whyThere({ machineID, reason }: { machineID: string; reason: string }, snapshot: Snapshot): string {
  if (snapshot.machines.has(machineID)) return reason;
  return `Machine(${machineID}) is not registered now; the unit is moved as soon as it is believed gone`;
}
