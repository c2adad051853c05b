import { isOn, nodesArgument, type Command } from "../command.ts";

export const logs: Command = {
  name: "logs",
  summary: "what a machine says: its console, then the journal of what we put there",
  args: [nodesArgument],
  options: [
    { name: "--follow", short: "-f", summary: "go on until Ctrl-C" },
    { name: "--console", summary: "the console only: also of a machine that is off or does not let us in" },
  ],
  examples: [
    { command: "cluster logs core-01", meaning: "everything of this boot, errors of its cloud-config too" },
    { command: "cluster logs --follow", meaning: "all machines, as it comes" },
  ],
  run: async (context, input) => {
    const { showLogs } = await import("../show-logs.ts");
    await showLogs(context, {
      nodes: input.args,
      follow: isOn(input, "--follow"),
      consoleOnly: isOn(input, "--console"),
    });
    return 0;
  },
};
