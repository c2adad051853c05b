import type { Command } from "../command.ts";

export const attend: Command = {
  name: "attend",
  summary: "serve a cluster of libvirt's machines on this host; started by 'up'",
  args: [{ name: "DIR", summary: "the cluster's state folder", required: true, many: false }],
  options: [],
  examples: [],
  hidden: true,
  run: async (context, input) => await context.wiring.attend(input.args[0] ?? "", context.io.signal),
};
