import type { World } from "../lifecycle/cluster.ts";
import type { ClusterEvent } from "../lifecycle/events.ts";
import type { Context } from "./context.ts";
import { eventJson } from "./show/json.ts";
import { planText } from "./show/words.ts";

/** Runs a verb; when it only plans, the plan is the result and goes to standard output. */
export async function withPlan(
  context: Context,
  dryRun: boolean,
  verb: (world: World) => Promise<void>,
): Promise<void> {
  const world = await context.world();
  if (!dryRun) return await verb(world);
  const emit = (event: ClusterEvent): void => {
    if (event.kind === "plan") context.result(planText(event.verb, event.steps), eventJson(event));
    else context.emit(event);
  };
  await verb({ ...world, emit });
}
