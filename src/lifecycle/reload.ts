import { showDuration } from "../foundation/duration.ts";
import type { ClusterSpec } from "../spec/model.ts";
import { locked, openCluster, selectNodes, type World } from "./cluster.ts";
import { mergeState } from "./plan/desired.ts";
import { clusterPlan } from "./plan/desired.ts";
import { makingExecutors } from "./steps/makings.ts";
import { observe } from "./ready/observe.ts";
import {
  planProvision,
  planReload,
  stepsOf,
  type MakingKind,
  type Observed,
  type Plan,
} from "./plan/plan.ts";
import { carryOut } from "./steps/steps.ts";
import { prepareDesired } from "./up.ts";

export interface ReloadOptions {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  readonly spec: ClusterSpec;
  /** In the order in which they are done; none means all. */
  readonly nodes: readonly string[];
  readonly provision: boolean;
  readonly dryRun: boolean;
}

/** Restarts machines one after the other: each gives its units away first and is ready again before the next. */
export async function reload(world: World, options: ReloadOptions): Promise<void> {
  const { provision } = options;
  await remake("reload", world, options, (observed, selected) =>
    planReload({ observed, selected, provision }),
  );
}

/** Gives machines their present user-data and has those that run apply it at once. */
export async function provision(world: World, options: Omit<ReloadOptions, "provision">): Promise<void> {
  await remake("provision", world, options, planProvision);
}

async function remake(
  verb: string,
  caller: World,
  options: Omit<ReloadOptions, "provision">,
  planFor: (observed: readonly Observed[], selected: readonly string[]) => Plan<MakingKind>,
): Promise<void> {
  const begin = caller.clock.monotonic();
  const work = async (world: World): Promise<void> => {
    const known = await openCluster(world, options.dir);
    const state = mergeState(known.state, clusterPlan(known.ref, options.spec));
    const selected = selectNodes(Object.keys(known.state.machines), options.nodes);
    const ready = await prepareDesired(world, options.spec, { ...known, state });
    const observed = await observe(world, ready.cluster, { wanted: ready.desired.hashes });
    const plan = planFor(observed, selected);
    const steps = stepsOf(plan);
    world.emit({ kind: "plan", verb, steps });
    if (options.dryRun) return;
    await carryOut(plan, makingExecutors({ world, ...ready, services: [] }), world);
    const ms = Math.round(world.clock.monotonic() - begin);
    const message = steps.length === 0 ? "there was nothing to do" : `${verb} took ${showDuration(ms)}`;
    world.emit({ kind: "done", verb, message, ms });
  };
  await (options.dryRun ? work(caller) : locked(caller, options.dir, work));
}
