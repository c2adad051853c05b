import { nodeArgument, type Command } from "../command.ts";

export const ssh: Command = {
  name: "ssh",
  summary: "a shell on a machine, or one command with its exit code",
  args: [nodeArgument],
  options: [],
  rest: "CMD…, a command line for the machine's shell",
  examples: [
    { command: "cluster ssh core-01", meaning: "a shell" },
    { command: "cluster ssh core-01 -- fleetctl list-machines", meaning: "one command" },
  ],
  run: async (context, input) => {
    const { openCluster } = await import("../../lifecycle/cluster.ts");
    const { reachNode } = await import("../../lifecycle/access/reach.ts");
    const { io } = context;
    const world = await context.world();
    const cluster = await openCluster(world, await context.clusterDir(), input.args[0]);
    const agent = io.env["SSH_AUTH_SOCK"];
    const options = agent === undefined || agent === "" ? {} : { agent };
    const connection = await reachNode(world, cluster, input.args[0] ?? "", options);
    try {
      const { stdin, stdout, stderr, signal } = io;
      const command = (input.rest ?? []).join(" ");
      if (command === "") {
        const term = io.env["TERM"];
        return await connection.shell({
          stdin,
          stdout,
          stderr,
          signal,
          pty: io.isTTY,
          ...(term === undefined ? {} : { term }),
        });
      }
      return await connection.exec(command, { stdin, stdout, stderr, signal });
    } finally {
      await connection.end();
    }
  },
};
