import type { Command } from "../command.ts";

export const init: Command = {
  name: "init",
  summary: "make clusters/NAME/ with a commented cluster.yaml, a service and a scenario",
  args: [{ name: "NAME", summary: "letters, digits and hyphens", required: true, many: false }],
  options: [],
  examples: [
    { command: "cluster init mine && cluster up --cluster mine", meaning: "from nothing to three machines" },
  ],
  run: async (context, input) => {
    const { initCluster } = await import("../init-cluster.ts");
    const dir = await initCluster(context, input.args[0] ?? "");
    context.result(`made ${dir}; now 'cluster up'\n`, { v: 1, dir });
    return 0;
  },
};
