import { AppError } from "../../foundation/errors.ts";
import type { ProviderWish } from "../../lifecycle/prepare/choose-provider.ts";
import { dryRunOption, isOn, nodesArgument, providerOption, valueOf, type Command } from "../command.ts";
import type { Context } from "../context.ts";

export const up: Command = {
  name: "up",
  summary: "create or start machines, until everything on them answers",
  description:
    "Creates or starts what is missing, waits until every layer of every machine answers, then submits and starts the services. Safe to repeat: it resumes what an earlier run did not finish.",
  args: [nodesArgument],
  options: [
    providerOption,
    { name: "--provision", summary: "also give machines the user-data that cluster.yaml gives now" },
    {
      name: "--prune",
      summary: "also remove machines that cluster.yaml no longer has, their units moved first",
    },
    dryRunOption,
  ],
  examples: [
    { command: "cluster up", meaning: "the whole cluster" },
    { command: "cluster up core-02 core-03", meaning: "these two only" },
    { command: "cluster up --dry-run", meaning: "what would be done, and why" },
  ],
  run: async (context, input) => {
    const dir = await clusterOrInit(context);
    const spec = await context.spec(dir);
    const { up: bringUp } = await import("../../lifecycle/up.ts");
    const { withPlan } = await import("../dry-run.ts");
    const provider = valueOf(input, "--provider") as ProviderWish | undefined;
    await withPlan(context, isOn(input, "--dry-run"), async (world) => {
      await bringUp(world, {
        dir,
        spec,
        nodes: input.args,
        provision: isOn(input, "--provision"),
        prune: isOn(input, "--prune"),
        dryRun: isOn(input, "--dry-run"),
        ...(provider === undefined ? {} : { provider }),
      });
    });
    return 0;
  },
};

/** Where there is no cluster yet, a person is offered one. */
async function clusterOrInit(context: Context): Promise<string> {
  try {
    return await context.clusterDir();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "E_CONFIG_MISSING") throw error;
    const answer = await context.ask({
      id: "init",
      text: "There is no cluster.yaml here. Make clusters/demo, with three machines and a service?",
    });
    if (answer === undefined) throw error;
    if (!answer) throw new AppError("E_DECLINED", "no cluster was made", { cause: error });
    const { initCluster } = await import("../init-cluster.ts");
    return await initCluster(context, "demo");
  }
}
