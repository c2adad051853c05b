import { showDuration } from "../../foundation/duration.ts";
import type { ClusterEvent } from "../../lifecycle/events.ts";
import type { LayerName } from "../../lifecycle/ready/layers.ts";
import type { Step, StepKind } from "../../lifecycle/plan/plan.ts";

/** What a step does, for people. */
const doing: Readonly<Record<StepKind, string>> = {
  prepare: "preparing image, network and supervisor",
  discard: "removing what was half-made",
  create: "creating",
  provision: "giving it new user-data",
  apply: "applying its user-data",
  start: "starting",
  wait: "waiting until it is ready",
  halt: "shutting down",
  "hand-over": "waiting until its units run elsewhere",
  drain: "moving its units to other machines",
  "leave-etcd": "taking its etcd off the members",
  "join-etcd": "adding its etcd to the members",
  uncordon: "forgetting that it was drained",
  kill: "cutting the power",
  destroy: "destroying",
  services: "starting services",
  dispose: "removing network and supervisor",
  forget: "removing the state",
};

const answers: Readonly<Record<LayerName, string>> = {
  booted: "running",
  network: "network answers",
  sshd: "sshd answers",
  "cloud-config": "cloud-config applied",
  etcd: "etcd is healthy",
  docker: "docker answers",
  fleet: "fleet lists every machine",
};

/** `core-01: starting`. */
function stepText(step: Step): string {
  return `${prefixOf(step)}${actionText(step)}`;
}

/** `starting`. */
export function actionText(step: Step): string {
  return step.kind === "services" ? `starting ${step.units.join(", ")}` : doing[step.kind];
}

/** `etcd is healthy`. */
export function layerText(layer: LayerName): string {
  return answers[layer];
}

function prefixOf(step: Step): string {
  return "node" in step ? `${step.node}: ` : "";
}

/** The event as one line for people; undefined when a plain log need not show it. */
export function eventLine(event: ClusterEvent): string | undefined {
  switch (event.kind) {
    case "plan":
      return undefined;
    case "step-begin":
      return stepText(event.step);
    case "step-progress":
      return `${prefixOf(event.step)}${event.message}`;
    case "step-end":
      return event.ms < 1_000 ? undefined : `${stepText(event.step)}: done in ${showDuration(event.ms)}`;
    case "step-failed":
      return `${stepText(event.step)}: failed after ${showDuration(event.ms)}`;
    case "layer":
      return `${event.node}: ${layerText(event.layer)} (${showDuration(event.ms)})`;
    case "note":
      return event.message;
    case "warning":
      return warningText(event);
    case "done":
      return event.message;
  }
}

/** `warning: …`, with the way out behind it. */
export function warningText(event: Extract<ClusterEvent, { readonly kind: "warning" }>): string {
  return `warning: ${event.message}${event.hint === undefined ? "" : `\n  ${event.hint}`}`;
}

/** The plan that --dry-run prints: a numbered line for each step with its reason. */
export function planText(verb: string, steps: readonly Step[]): string {
  if (steps.length === 0) return `${verb}: nothing to do\n`;
  const lines = steps.map(
    (step, index) => `${String(index + 1).padStart(3)}. ${stepText(step)} (${step.reason})`,
  );
  return `${verb} would do this:\n${lines.join("\n")}\n`;
}
