import { exitCodes, isAppError } from "../../foundation/errors.ts";
import type { ProviderWish } from "../../lifecycle/prepare/choose-provider.ts";
import type { Context } from "../context.ts";
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
    const notes = await notesOfCluster(context);
    const text = notes.map((note) => `${note}\n`).join("");
    context.result(`${showInspections(inspections)}${text === "" ? "" : `\n${text}`}`, {
      ...inspectionResult(inspections),
      ...(notes.length === 0 ? {} : { notes }),
    });
    return inspections.some(({ usable }) => usable) ? exitCodes.ok : exitCodes.false;
  },
};

/** What the running machines of the cluster have to say, such as a drop-in that overrides ours; none before `up`. */
async function notesOfCluster(context: Context): Promise<readonly string[]> {
  const [{ findCluster }, { clusterStatus }] = await Promise.all([
    import("../../lifecycle/cluster.ts"),
    import("../../lifecycle/status.ts"),
  ]);
  try {
    const world = await context.world();
    const cluster = await findCluster(world, await context.clusterDir());
    return cluster === undefined ? [] : (await clusterStatus(world, cluster)).notes;
  } catch (error) {
    // Without a cluster, or with one that does not answer, the host alone is looked at.
    if (isAppError(error)) return [];
    throw error;
  }
}
