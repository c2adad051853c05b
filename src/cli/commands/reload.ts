import { dryRunOption, isOn, nodesArgument, type Command } from "../command.ts";

export const reload: Command = {
  name: "reload",
  summary: "restart machines one after the other, each released first",
  description:
    "Shuts a machine down (its units move to others), starts it, waits until everything on it answers; then the next.",
  args: [nodesArgument],
  options: [{ name: "--provision", summary: "give each its new user-data on the way" }, dryRunOption],
  examples: [
    { command: "cluster reload core-02 core-01", meaning: "in this order" },
    { command: "cluster reload --provision core-01", meaning: "with what cluster.yaml says now" },
  ],
  run: async (context, input) => {
    const dir = await context.clusterDir();
    const spec = await context.spec(dir);
    const verbs = await import("../../lifecycle/reload.ts");
    const { withPlan } = await import("../dry-run.ts");
    const dryRun = isOn(input, "--dry-run");
    const withNewData = isOn(input, "--provision");
    await withPlan(context, dryRun, async (world) => {
      await verbs.reload(world, { dir, spec, nodes: input.args, provision: withNewData, dryRun });
    });
    return 0;
  },
};

export const provision: Command = {
  name: "provision",
  summary: "give machines the user-data that cluster.yaml gives now, and apply it",
  args: [nodesArgument],
  options: [dryRunOption],
  examples: [{ command: "cluster provision core-01", meaning: "without a restart; log in again to see it" }],
  run: async (context, input) => {
    const dir = await context.clusterDir();
    const spec = await context.spec(dir);
    const verbs = await import("../../lifecycle/reload.ts");
    const { withPlan } = await import("../dry-run.ts");
    const dryRun = isOn(input, "--dry-run");
    await withPlan(context, dryRun, async (world) => {
      await verbs.provision(world, { dir, spec, nodes: input.args, dryRun });
    });
    return 0;
  },
};
