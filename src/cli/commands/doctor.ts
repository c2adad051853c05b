import { exitCodes } from "../../foundation/errors.ts";
import type { ProviderWish } from "../../lifecycle/choose-provider.ts";
import { providerOption, valueOf, type Command } from "../command.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "what stands in the way of the cluster on this host, and how to mend it; changes nothing",
  description:
    "Looks at this host with the eyes of the provider that cluster.yaml names; with 'auto', of each, in the order in which they are tried. Each finding has an id, what was seen, and what helps. Exit code 1 when the cluster could not work.",
  args: [],
  options: [providerOption],
  examples: [
    { command: "cluster doctor", meaning: "before the first 'cluster up'" },
    { command: "cluster doctor --provider virtualbox --json", meaning: "for one provider, for a script" },
  ],
  run: async (context, input) => {
    const { inspectHost } = await import("../inspect-host.ts");
    const { inspectionResult, showInspections } = await import("../show/inspection.ts");
    const inspections = await inspectHost(context, valueOf(input, "--provider") as ProviderWish | undefined);
    context.result(showInspections(inspections), inspectionResult(inspections));
    return inspections.some(({ usable }) => usable) ? exitCodes.ok : exitCodes.false;
  },
};
