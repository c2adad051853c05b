import { isAppError } from "../../foundation/errors.ts";
import type { Path } from "../../spec/problem.ts";
import { runsUnit, type Scenario } from "./scenario.ts";
import { chooseVictims } from "./victims.ts";

/** Words that no machine of the cluster can ever match. */
export interface NoVictim {
  /** Where they stand in the scenario. */
  readonly path: Path;
  readonly message: string;
}

/**
 * Finds what can be known before anything is broken: names of machines that are not there, more machines than there are.
 * Pure. Who leads, and where a unit runs, is known only then.
 * @param nodes all machines of the cluster
 */
export function checkVictims(scenario: Scenario, nodes: readonly string[]): readonly NoVictim[] {
  return placesOf(scenario).flatMap(({ path, words }) =>
    [words].flat().flatMap((word) => {
      const message = whyNever(word, nodes);
      return message === undefined ? [] : [{ path, message }];
    }),
  );
}

/** Undefined when some machine may match. */
function whyNever(word: string, nodes: readonly string[]): string | undefined {
  const [somewhere] = nodes;
  const unit = runsUnit(word);
  const runs = new Map(unit === undefined ? [] : [[unit, nodes.slice(0, 1)]]);
  try {
    chooseVictims(word, { nodes, runs, etcdLeader: somewhere, engineLeader: somewhere }, () => 0);
    return undefined;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error.code === "E_SCENARIO_INVALID"
      ? error.message
      : `"${word}" matches no machine of the cluster`;
  }
}

interface Place {
  readonly path: Path;
  readonly words: string | readonly string[];
}

function placesOf({ steady, steps }: Scenario): readonly Place[] {
  const at = (words: string | readonly string[] | undefined, ...path: Path): Place[] =>
    words === undefined ? [] : [{ path, words }];
  return [
    ...steady.flatMap((probe, index) => at("on" in probe ? probe.on : undefined, "steady", index, "on")),
    ...steps.flatMap((step, index): Place[] => {
      const here = ["steps", index] as const;
      if ("assert" in step) {
        return at("on" in step.assert ? step.assert.on : undefined, ...here, "assert", "on");
      }
      if ("reboot" in step) return at(step.reboot, ...here, "reboot");
      if ("soak" in step) {
        const own = step.faults.flatMap((fault, number) =>
          at(fault.victims, ...here, "faults", number, "victims"),
        );
        return [...at(step.victims, ...here, "victims"), ...own];
      }
      return at("victims" in step ? step.victims : undefined, ...here, "victims");
    }),
  ];
}
