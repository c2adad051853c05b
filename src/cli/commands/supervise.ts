import type { Command } from "../command.ts";

export const supervise: Command = {
  name: "supervise",
  summary: "own the machines of an nspawn cluster; started by 'up'",
  args: [{ name: "DIR", summary: "the cluster's state folder", required: true, many: false }],
  options: [],
  examples: [],
  hidden: true,
  run: async (context, input) => await context.wiring.supervise(input.args[0] ?? "", context.io.signal),
};
