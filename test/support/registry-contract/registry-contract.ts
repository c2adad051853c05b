import { describe } from "vitest";
import { describeLeading } from "./leading.ts";
import { describeMachines } from "./machines.ts";
import { registryStage, type RegistrySubject } from "./stage.ts";
import { describeUnits } from "./units.ts";

/** What every registry does, whatever keeps it. */
export function describeRegistry(name: string, makeSubject: () => Promise<RegistrySubject>): void {
  describe(`${name} keeps the contract of the registry port`, () => {
    const stage = registryStage(makeSubject);
    describeUnits(stage);
    describeMachines(stage);
    describeLeading(stage);
  });
}
