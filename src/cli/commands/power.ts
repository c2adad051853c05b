import { dryRunOption, isOn, nodesArgument, type Command, type Example } from "../command.ts";

export const halt = powerCommand("halt", "shut machines down cleanly; their units move first", [
  { command: "cluster halt core-02", meaning: "one machine" },
  { command: "cluster halt", meaning: "all of them" },
]);

export const kill = powerCommand("kill", "cut the power of machines: their processes die at once", [
  { command: "cluster kill core-01", meaning: "watch its units start elsewhere" },
]);

export const destroy = powerCommand(
  "destroy",
  "remove machines and their disks, half-made ones too; with the last one everything",
  [
    { command: "cluster destroy", meaning: "the whole cluster; cluster.yaml stays" },
    { command: "cluster destroy core-03", meaning: "one machine; 'cluster up' makes it anew" },
  ],
);

function powerCommand(
  name: "halt" | "kill" | "destroy",
  summary: string,
  examples: readonly Example[],
): Command {
  return {
    name,
    summary,
    args: [nodesArgument],
    options: [dryRunOption],
    examples,
    run: async (context, input) => {
      const dir = await context.clusterDir();
      const verbs = await import("../../lifecycle/power.ts");
      const { withPlan } = await import("../dry-run.ts");
      const dryRun = isOn(input, "--dry-run");
      await withPlan(context, dryRun, async (world) => {
        await verbs[name](world, { dir, nodes: input.args, dryRun });
      });
      return 0;
    },
  };
}
