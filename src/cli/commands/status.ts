import { exitCodes } from "../../foundation/errors.ts";
import type { Command } from "../command.ts";

export const status: Command = {
  name: "status",
  summary: "machines, etcd, docker, fleet and units; exits 1 when degraded",
  args: [],
  options: [],
  examples: [
    { command: "cluster status", meaning: "a table of everything" },
    { command: "cluster status --json", meaning: "the same for programs" },
  ],
  run: async (context) => {
    const dir = await context.clusterDir();
    const [{ openCluster }, { clusterStatus }, { statusText }] = await Promise.all([
      import("../../lifecycle/cluster.ts"),
      import("../../lifecycle/status.ts"),
      import("../show/status.ts"),
    ]);
    const world = await context.world();
    const found = await clusterStatus(world, await openCluster(world, dir));
    context.result(statusText(found), { v: 1, ...found });
    return found.healthy ? exitCodes.ok : exitCodes.false;
  },
};
