import { imaginedHistory, imaginedNodes } from "./imagined-history.ts";
import type { HistoryEvent } from "../../src/failover/history/history.ts";

/** One hour in which every ten seconds a machine loses its power, with as many changes of state as a busy cluster has. */
export function imaginedSoak(units: readonly string[]): HistoryEvent[] {
  const history = imaginedHistory(units);
  let invocation = 0;
  for (let second = 2; second < 3_590; second += 10) {
    const victim = imaginedNodes[(second / 2) % 3] ?? "core-01";
    const heir = imaginedNodes[(second / 2 + 1) % 3] ?? "core-02";
    history.at(second, { kind: "step", step: second, text: `power-cut on ${victim}` });
    history.fault(second, "inject", "power-cut", "off", victim);
    history.fault(second + 0.2, "active", "power-cut", "off", victim).machine(second + 2, victim, false);
    for (const unit of units) {
      for (let change = 0; change < 8; change++) {
        const state = change % 2 === 0 ? "activating" : "failed";
        history.sample(second + 2 + change / 10, heir, unit, state, "");
      }
      invocation += 1;
      history.placed(second + 2.1, unit, heir).sample(second + 4, heir, unit, "active", String(invocation));
    }
    history.fault(second + 5, "heal", "power-cut", "off", victim);
    history.fault(second + 7, "healed", "power-cut", "off", victim).machine(second + 8, victim, true);
  }
  return history.end(3_600);
}
