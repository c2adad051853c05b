import type {
  FaultAction,
  FaultEffect,
  HistoryEvent,
  WithoutTime,
} from "../../src/failover/history/history.ts";
import type { Budget } from "../../src/failover/scenario/scenario.ts";

/** A history written by hand, second by second, for tests of what is computed from histories. */
export interface ImaginedHistory {
  /** Adds an event at that second. */
  at(second: number, event: WithoutTime<HistoryEvent>): ImaginedHistory;
  /** The unit's state by the node's systemd. */
  sample(second: number, node: string, unit: string, active: string, invocation?: string): ImaginedHistory;
  /** The unit's state as fleet publishes it. */
  told(second: number, node: string, unit: string, active: string | undefined): ImaginedHistory;
  fault(
    second: number,
    action: FaultAction,
    fault: string,
    effect: FaultEffect,
    ...victims: string[]
  ): ImaginedHistory;
  placed(second: number, unit: string, machine: string | undefined): ImaginedHistory;
  machine(second: number, machine: string, present: boolean): ImaginedHistory;
  submitted(second: number, unit: string, desired: string | undefined, ...options: string[]): ImaginedHistory;
  /** The events, ended at that second. */
  end(second: number, complete?: boolean): HistoryEvent[];
}

export const imaginedNodes = ["core-01", "core-02", "core-03"];

/** Three machines in sight; the first step is played at second 1. */
export function imaginedHistory(units: readonly string[], budgets: readonly Budget[] = []): ImaginedHistory {
  const events: HistoryEvent[] = [];
  let revision = 1;
  const at = (second: number, event: WithoutTime<HistoryEvent>): ImaginedHistory => {
    events.push({ at: second * 1_000, ...event });
    return history;
  };
  const history: ImaginedHistory = {
    at,
    sample: (second, node, unit, active, invocation = "1") =>
      at(second, { kind: "sample", node, unit, active, sub: "", invocation }),
    told: (second, node, unit, active) =>
      at(second, {
        kind: "registry",
        via: "core-01",
        revision: revision++,
        record: { type: "state", unit, machine: node, active },
      }),
    fault: (second, action, fault, effect, ...victims) =>
      at(second, { kind: "fault", action, fault, id: fault, effect, victims, evidence: "" }),
    placed: (second, unit, machine) =>
      at(second, {
        kind: "registry",
        via: "core-01",
        revision: revision++,
        record: { type: "placement", unit, machine },
      }),
    machine: (second, machine, present) =>
      at(second, {
        kind: "registry",
        via: "core-01",
        revision: revision++,
        record: { type: "machine", machine, present },
      }),
    submitted: (second, unit, desired, ...options) =>
      at(second, {
        kind: "registry",
        via: "core-01",
        revision: revision++,
        record: { type: "unit", unit, desired, options },
      }),
    end: (second, complete = true) => {
      at(second, { kind: "end", complete });
      return events.toSorted((a, b) => a.at - b.at);
    },
  };
  at(0, beginning(units, budgets));
  for (const node of imaginedNodes) at(0, { kind: "sight", node, seen: true }).machine(0, node, true);
  return at(1, { kind: "phase", phase: "during" });
}

function beginning(units: readonly string[], budgets: readonly Budget[]): WithoutTime<HistoryEvent> {
  return {
    kind: "begin",
    v: 2,
    scenario: "imagined",
    about: "",
    cluster: "demo",
    provider: "memory",
    powerCut: "process",
    seed: 1,
    startedAt: "2026-01-01T00:00:00.000Z",
    nodes: imaginedNodes,
    units,
    clock: "controller, monotonic, ms",
    lateBy: { sample: 150, registry: 50 },
    budgets,
  };
}
