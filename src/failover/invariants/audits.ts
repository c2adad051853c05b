import type { HistoryEvent, Phase } from "../history/history.ts";
import type { Facts } from "./facts.ts";

export type AuditEvent = Extract<HistoryEvent, { kind: "audit" }>;

/** The last audit of each machine in a phase: earlier ones may have come too early. */
export function lastAudits(facts: Facts, phase: Phase): AuditEvent[] {
  const last = new Map<string, AuditEvent>();
  for (const event of facts.events) {
    if (event.kind === "audit" && event.phase === phase) last.set(event.audit.node, event);
  }
  return [...last.values()];
}
