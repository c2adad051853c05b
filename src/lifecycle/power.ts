import { AppError } from "../foundation/errors.ts";
import { strandedMembers } from "./plan/removal.ts";
import { etcdMembersIn } from "./state/state.ts";
import { rmdir } from "node:fs/promises";
import { showDuration } from "../foundation/duration.ts";
import { findCluster, locked, openCluster, selectNodes, type KnownCluster, type World } from "./cluster.ts";
import { endingExecutors } from "./steps/endings.ts";
import { observe } from "./ready/observe.ts";
import { planDestroy, planHalt, stepsOf, type EndingKind, type Plan } from "./plan/plan.ts";
import { carryOut } from "./steps/steps.ts";

export interface PowerOptions {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  /** None means all. */
  readonly nodes: readonly string[];
  readonly dryRun: boolean;
}

/** Shuts machines down cleanly, all at once. */
export async function halt(world: World, options: PowerOptions): Promise<void> {
  await powerOff("halt", world, options);
}

/** Cuts the power of machines, all at once. */
export async function kill(world: World, options: PowerOptions): Promise<void> {
  await powerOff("kill", world, options);
}

async function powerOff(verb: "halt" | "kill", caller: World, options: PowerOptions): Promise<void> {
  const work = async (world: World): Promise<void> => {
    const cluster = await openCluster(world, options.dir);
    const selected = selectNodes(Object.keys(cluster.state.machines), options.nodes);
    await act(verb, world, cluster, planHalt(verb, await observe(world, cluster), selected), options);
  };
  await (options.dryRun ? work(caller) : locked(caller, options.dir, work));
}

/**
 * Removes machines, also half-made ones; with the last of them everything that belonged to the cluster. Where there is
 * no cluster there is nothing to do.
 */
export async function destroy(caller: World, options: PowerOptions): Promise<void> {
  const nothing = (): void =>
    caller.emit({ kind: "done", verb: "destroy", message: "there is no cluster to destroy", ms: 0 });
  if ((await findCluster(caller, options.dir)) === undefined) return nothing();
  const work = async (world: World): Promise<void> => {
    const cluster = await findCluster(world, options.dir);
    if (cluster === undefined) return nothing();
    const selected = selectNodes(Object.keys(cluster.state.machines), options.nodes);
    const observed = await observe(world, cluster);
    const members = etcdMembersIn(cluster.state);
    mustLeaveEtcd(strandedMembers({ observed, doomed: selected, members }));
    await act("destroy", world, cluster, planDestroy(observed, selected, members), options);
  };
  if (options.dryRun) return await work(caller);
  await locked(caller, options.dir, work);
  await removeIfEmpty(`${options.dir}/.state`);
}

async function act(
  verb: string,
  world: World,
  cluster: KnownCluster,
  plan: Plan<EndingKind>,
  options: PowerOptions,
): Promise<void> {
  const begin = world.clock.monotonic();
  const steps = stepsOf(plan);
  world.emit({ kind: "plan", verb, steps });
  if (options.dryRun) return;
  await carryOut(plan, endingExecutors(world, cluster), world);
  const ms = Math.round(world.clock.monotonic() - begin);
  const message = steps.length === 0 ? "there was nothing to do" : `${verb} took ${showDuration(ms)}`;
  world.emit({ kind: "done", verb, message, ms });
}

/** @throws E_STATE_CONFLICT for machines that etcd would wait for in vain */
function mustLeaveEtcd(stranded: readonly string[]): void {
  if (stranded.length === 0) return;
  throw new AppError(
    "E_STATE_CONFLICT",
    `${stranded.join(", ")} cannot be taken out: no other machine runs that could tell etcd`,
    { hint: "run 'cluster up' first, or destroy the whole cluster with 'cluster destroy'" },
  );
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
  }
}
