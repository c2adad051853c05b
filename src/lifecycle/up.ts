import { showDuration } from "../foundation/duration.ts";
import type { Provider } from "../provider/provider.ts";
import type { ClusterSpec } from "../spec/model.ts";
import { warnOfTroubles } from "./prepare/check-up.ts";
import { chooseProvider, mustCheck, type ProviderWish } from "./prepare/choose-provider.ts";
import { clusterRef, findCluster, locked, selectNodes, type KnownCluster, type World } from "./cluster.ts";
import { AppError } from "../foundation/errors.ts";
import {
  clusterPlan,
  desiredNodes,
  etcdWarning,
  joinersIn,
  mergeState,
  newState,
  withJoiners,
  type Desired,
} from "./plan/desired.ts";
import { withToken } from "./prepare/discovery.ts";
import { journalFile } from "./steps/journal.ts";
import { ensureKeys, type Login } from "./state/keys.ts";
import { makingExecutors } from "./steps/makings.ts";
import { observe } from "./ready/observe.ts";
import { planUp, stepsOf, type MakingKind, type Observed, type Plan } from "./plan/plan.ts";
import { changedServices, readServices, type Service } from "./steps/services.ts";
import { removalStages } from "./plan/removal.ts";
import { etcdMembersIn, stateFile, type ClusterState } from "./state/state.ts";
import { carryOut } from "./steps/steps.ts";

export interface UpOptions {
  /** The folder of cluster.yaml; absolute. */
  readonly dir: string;
  readonly spec: ClusterSpec;
  /** Machines to bring up; none means all. */
  readonly nodes: readonly string[];
  /** Also give machines their new user-data. */
  readonly provision: boolean;
  /** Also remove machines that cluster.yaml no longer has. */
  readonly prune?: boolean;
  /** Instead of what cluster.yaml says. */
  readonly provider?: ProviderWish;
  /** Say what would be done and do nothing. */
  readonly dryRun: boolean;
}

/** Creates or starts what is missing, waits until it is ready, submits the services. Safe to repeat, also after a crash. */
export async function up(caller: World, options: UpOptions): Promise<void> {
  const begin = caller.clock.monotonic();
  const services = await readServices(options.dir, options.spec.services);
  if (options.dryRun) return await showPlan(caller, options, services);
  await locked(caller, options.dir, async (world) => {
    const before = await findCluster(world, options.dir);
    const cluster = await prepareState(world, options, before);
    const joining = { ...cluster, state: withJoiners(cluster.state, selectedIn(options)) };
    const ready = await prepareDesired(world, options.spec, joining);
    const observed = await lookAround(world, ready, options);
    const plan = planned(options, observed, services, ready.cluster.state);
    world.emit({ kind: "plan", verb: "up", steps: stepsOf(plan) });
    await act(world, ready, plan, services);
    warnOfStale(world, observed, options);
    const ms = Math.round(world.clock.monotonic() - begin);
    world.emit({ kind: "done", verb: "up", ms, message: await doneMessage(ready, plan, ms) });
  });
}

/** An existing cluster together with what cluster.yaml asks of it. */
export interface Ready {
  readonly cluster: KnownCluster;
  readonly desired: Desired;
  readonly login: Login;
}

/** Reads or makes the keys, renders the user-data of all machines. */
export async function prepareDesired(world: World, spec: ClusterSpec, known: KnownCluster): Promise<Ready> {
  const plan = clusterPlan(known.ref, spec, known.state);
  const { machines } = plan;
  const { stateDir } = known.ref;
  const { keys, knownHosts } = await ensureKeys({
    stateDir,
    cluster: spec.name,
    owner: world.owner,
    machines,
  });
  const cluster = await withToken(world, spec, known);
  const materials = await world.materials(spec, cluster.state.provider);
  for (const message of materials.notes) world.emit({ kind: "note", message });
  return {
    cluster,
    desired: desiredNodes(plan, cluster.state, keys, materials),
    login: { privateKey: keys.operator.privateKey, knownHosts },
  };
}

/** Chooses the provider of a new cluster, or holds an old one to what it is. Nothing is written before it is checked. */
async function prepareState(
  world: World,
  options: UpOptions,
  before: KnownCluster | undefined,
): Promise<KnownCluster> {
  const { dir, spec } = options;
  const ref = clusterRef(spec.name, dir);
  const plan = clusterPlan(ref, spec);
  const file = stateFile(ref.stateDir, world.owner);
  const wish = options.provider ?? spec.provider;
  if (before !== undefined) {
    mustKeepProvider(before.state, wish);
    const state = mergeState(before.state, plan);
    if (state !== before.state) await file.write(state);
    return { ...before, state };
  }
  const provider = await chooseProvider(world, wish, plan);
  selectNodes(namesOf(plan.machines), options.nodes);
  const state = newState(plan, provider.name);
  await file.write(state);
  return { ref, state, file, provider };
}

function namesOf(machines: readonly { readonly name: string }[]): readonly string[] {
  return machines.map(({ name }) => name);
}

function mustKeepProvider(state: ClusterState, wish: ProviderWish): void {
  if (wish === "auto" || wish === state.provider) return;
  throw new AppError(
    "E_STATE_CONFLICT",
    `this cluster was made with the provider ${state.provider}, not ${wish}`,
    {
      hint: "leave the provider as it is, or 'cluster destroy' first",
    },
  );
}

async function lookAround(
  world: World,
  { cluster, desired }: Ready,
  options: UpOptions,
): Promise<readonly Observed[]> {
  const known = namesOf(desired.plan.machines);
  const probe = selectNodes(known, options.nodes);
  const observed = await observe(world, cluster, { wanted: desired.hashes, probe });
  const extra = observed.filter(({ name, state }) => !known.includes(name) && state !== "absent");
  for (const { name } of extra) {
    if (options.prune === true) continue;
    const hint = "'cluster up --prune' moves its units and removes it; '--dry-run' shows what that does";
    world.emit({ kind: "warning", message: `${name} is no longer in cluster.yaml`, hint });
  }
  return observed;
}

function planned(
  options: UpOptions,
  observed: readonly Observed[],
  services: readonly Service[],
  state: ClusterState,
): Plan<MakingKind> {
  const selected = selectedIn(options);
  const wanted = namesOf(clusterMachines(options));
  const doomed = observed.map(({ name }) => name).filter((name) => !wanted.includes(name));
  const removals = removalStages({
    observed,
    doomed: options.prune === true ? doomed : [],
    members: etcdMembersIn(state),
    reason: "cluster.yaml no longer has it",
  });
  const making = planUp({
    observed,
    selected,
    provision: options.provision,
    services: changedServices(services, state.services),
    joining: joinersIn(state, selected),
  });
  return [...making, ...removals];
}

function selectedIn(options: UpOptions): readonly string[] {
  return options.nodes.length > 0 ? options.nodes : namesOf(clusterMachines(options));
}

function clusterMachines({ spec, dir }: UpOptions): readonly { readonly name: string }[] {
  return clusterPlan(clusterRef(spec.name, dir), spec).machines;
}

async function act(
  world: World,
  ready: Ready,
  plan: Plan<MakingKind>,
  services: readonly Service[],
): Promise<void> {
  const steps = stepsOf(plan);
  const journal = journalFile(ready.cluster.ref.stateDir, world.owner, world.clock);
  if (steps.length === 0) return;
  if (steps.some(({ kind }) => kind === "prepare")) {
    await mustCheck(ready.cluster.provider, ready.desired.plan);
    await warnOfTroubles(world, ready.cluster.provider.name, ready.desired.plan);
  }
  const interrupted = await journal.begin();
  if (interrupted.length > 0) {
    world.emit({ kind: "note", message: `resuming after an interrupted run (${interrupted.join(", ")})` });
  }
  if (steps.some(({ kind }) => kind === "create")) {
    const warning = etcdWarning(ready.desired.plan.machines);
    if (warning !== undefined) world.emit({ kind: "warning", message: warning });
  }
  await carryOut(plan, makingExecutors({ world, ...ready, services }), world, journal);
  await journal.end();
}

function warnOfStale(world: World, observed: readonly Observed[], options: UpOptions): void {
  if (options.provision) return;
  const stale = observed.filter(({ state, stale }) => stale && (state === "running" || state === "stopped"));
  if (stale.length === 0) return;
  const names = stale.map(({ name }) => name).join(" ");
  world.emit({
    kind: "warning",
    message: `cluster.yaml has changed since ${names} got their user-data`,
    hint: `apply it with 'cluster reload --provision ${names}'`,
  });
}

async function doneMessage({ cluster, desired }: Ready, plan: Plan<MakingKind>, ms: number): Promise<string> {
  const { name } = cluster.state;
  if (stepsOf(plan).length === 0) return `${name}: there was nothing to do`;
  const seen = [...(await cluster.provider.machines(cluster.ref)).values()];
  const running = seen.filter(({ state }) => state === "running").length;
  const all = desired.plan.machines.length;
  const machines = `${running === all ? "" : `${running} of `}${all} ${all === 1 ? "machine" : "machines"}`;
  return `${name} is up: ${machines}, in ${showDuration(ms)}`;
}

async function showPlan(world: World, options: UpOptions, services: readonly Service[]): Promise<void> {
  const known = await findCluster(world, options.dir);
  const ref = clusterRef(options.spec.name, options.dir);
  const plan = clusterPlan(ref, options.spec);
  selectNodes(namesOf(plan.machines), options.nodes);
  const wish = options.provider ?? options.spec.provider;
  if (known === undefined) {
    const provider: Provider = await chooseProvider(world, wish, plan);
    const state = newState(plan, provider.name);
    const observed = namesOf(plan.machines).map((name): Observed => ({
      name,
      state: "absent",
      stale: false,
    }));
    const steps = stepsOf(planned(options, observed, services, state));
    return world.emit({ kind: "plan", verb: "up", steps });
  }
  mustKeepProvider(known.state, wish);
  const merged = mergeState(known.state, plan);
  const cluster = { ...known, state: withJoiners(merged, selectedIn(options)) };
  const ready = await prepareDesired(world, options.spec, cluster);
  const observed = await lookAround(world, ready, options);
  world.emit({
    kind: "plan",
    verb: "up",
    steps: stepsOf(planned(options, observed, services, cluster.state)),
  });
}
