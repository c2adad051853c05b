import type { FaultSpan } from "./facts.ts";

/** Faults of fleet and etcd alone: a service that restarts because of one was restarted needlessly. */
const controlPlane = /etcd|fleet|agent|engine|registry|proxy/;

/** Whether machines cannot hear each other, or one stands still: two copies may run until it is over. */
export function splits({ effect, fault }: Pick<FaultSpan, "effect" | "fault">): boolean {
  if (effect === "frozen") return true;
  if (effect === "network") return !fault.startsWith("registry");
  return effect === "process" && /pause/.test(fault) && /fleet|etcd/.test(fault);
}

/** Whether services on the victim may end, and be started again, because of it. */
export function disturbsServices(span: Pick<FaultSpan, "effect" | "fault">): boolean {
  if (span.effect === "off" || splits(span)) return true;
  return !controlPlane.test(span.fault);
}

/** Whether etcd or the way to it may be gone, so that fleet cannot know what happens. */
export function blindsFleet(span: Pick<FaultSpan, "effect" | "fault">): boolean {
  return splits(span) || controlPlane.test(span.fault);
}
