import type { Refusal, Snapshot } from "../model.ts";
import { shortMachineID } from "../unit/fit.ts";
import { isTemplateName } from "../unit/name.ts";
import { ableToRun, missingPeer } from "./able.ts";
import { clashWithin, type Plan } from "./place.ts";
import type { Candidate } from "./roster.ts";
import type { View } from "./view.ts";

type Reason = Refusal["reasons"][number];

/** A record of the registry stays small however many machines there are; `explainUnit` tells of all. */
const listed = 20;
const longestReason = 500;

/** How many machines the one-sentence summary names when their reasons differ. */
const named = 3;

/** Says for a unit of a group why no machine can take it: its own reason first, else that of a unit it goes with. */
export function refuse(unit: Candidate, group: readonly Candidate[], plan: Plan): Refusal {
  const clashing = clashWithin(group);
  const views = [...plan.board.views.values()].sort((a, b) => (a.machine.id < b.machine.id ? -1 : 1));
  const reasons = views.map((view) => {
    const inside =
      clashing && `Unit(${clashing[0].name}) and Unit(${clashing[1].name}) conflict but must be together`;
    return { machineID: view.machine.id, why: brief(inside ?? whyNot(unit, view, { group, plan })) };
  });
  return { unit: unit.name, ...shorten(reasons), summary: summarise(reasons) };
}

/** Says why a unit whose peer is not there cannot run. */
export function refuseWithout(unit: string, peer: string, { snapshot }: Pick<Plan, "snapshot">): Refusal {
  const why = missingPeer(peer);
  const reasons = [...snapshot.machines.keys()].sort().map((machineID) => ({ machineID, why }));
  return { unit, ...shorten(reasons), summary: `${why}: ${stateOfPeer(peer, snapshot)}` };
}

/** Whether a refusal says nothing that the other did not say. */
export function sameRefusal(one: Refusal, other: Refusal | undefined): boolean {
  return (
    one.summary === other?.summary &&
    one.unlisted === other.unlisted &&
    one.reasons.length === other.reasons.length &&
    one.reasons.every((reason, index) => {
      const there = other.reasons[index];
      return reason.machineID === there?.machineID && reason.why === there.why;
    })
  );
}

/** Each different reason once, then more of them in the order of machines, as far as there is room. */
function shorten(reasons: readonly Reason[]): Pick<Refusal, "reasons" | "unlisted"> {
  if (reasons.length <= listed) return { reasons };
  const said = new Set<string>();
  const firsts = reasons.filter(({ why }) => !said.has(why) && said.add(why));
  const kept = new Set([...new Set([...firsts, ...reasons])].slice(0, listed));
  return { reasons: reasons.filter((reason) => kept.has(reason)), unlisted: reasons.length - listed };
}

function brief(why: string): string {
  return why.length <= longestReason ? why : `${why.slice(0, longestReason)}…`;
}

function whyNot(
  unit: Candidate,
  view: View,
  { group, plan }: { readonly group: readonly Candidate[]; readonly plan: Plan },
): string {
  const context = { group: new Set(group.map(({ name }) => name)), precedence: plan.precedence };
  const own = ableToRun(unit, view, context);
  if (own.kind === "unable") return own.why;
  for (const other of group) {
    const verdict = ableToRun(other, view, context);
    if (verdict.kind === "unable") return `must be together with Unit(${other.name}): ${verdict.why}`;
  }
  return "its group does not fit";
}

function stateOfPeer(peer: string, snapshot: Snapshot): string {
  const unit = snapshot.units.get(peer);
  if (unit === undefined) return "it does not exist";
  if (isTemplateName(peer)) return "it is a template";
  return unit.desired === "inactive" ? "its target state is inactive" : "it lacks a peer itself";
}

function summarise(reasons: readonly Reason[]): string {
  const [first] = reasons;
  if (first === undefined) return "there is no machine in the cluster";
  const count = reasons.length === 1 ? "the only machine" : `all ${reasons.length} machines`;
  if (reasons.every(({ why }) => why === first.why)) return `${count}: ${first.why}`;
  const shown = reasons.slice(0, named).map(({ machineID, why }) => `${shortMachineID(machineID)}: ${why}`);
  const more = reasons.length > named ? `; and ${reasons.length - named} more` : "";
  return `no machine can run it (${shown.join("; ")}${more})`;
}
