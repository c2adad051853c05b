import { isAppError } from "../foundation/errors.ts";
import { isError } from "../doctor/diagnose.ts";
import type { Finding } from "../doctor/finding.ts";
import { lackFindings } from "../doctor/purpose.ts";
import { passOver, type ProviderWish } from "../lifecycle/prepare/choose-provider.ts";
import { checkUp } from "../lifecycle/prepare/check-up.ts";
import { clusterRef, type World } from "../lifecycle/cluster.ts";
import { clusterPlan } from "../lifecycle/plan/desired.ts";
import type { ClusterPlan } from "../provider/provider.ts";
import { loadSpec } from "../spec/load.ts";
import type { ProviderName } from "../spec/model.ts";
import type { Context } from "./context.ts";

export interface Inspection {
  readonly provider: ProviderName;
  /** Whether nothing prevents a cluster with this provider. */
  readonly usable: boolean;
  readonly findings: readonly Finding[];
}

/** What this host says to each provider that is asked for; `auto`: to all, in the order in which they are tried. */
export async function inspectHost(
  context: Context,
  wish: ProviderWish | undefined,
): Promise<readonly Inspection[]> {
  const world = await context.world();
  const plan = await somePlan(context);
  const wanted = wish ?? plan.spec.provider;
  const names = wanted === "auto" ? (["virtualbox", "libvirt", "nspawn"] as const) : [wanted];
  return await Promise.all(names.map(async (name) => await inspect(world, name, plan)));
}

async function inspect(world: World, name: ProviderName, plan: ClusterPlan): Promise<Inspection> {
  const [provider, seen] = await Promise.all([world.provider(name), checkUp(world, name, plan)]);
  const own =
    provider === undefined ? [await undriven(world, name)] : lackFindings(await provider.check(plan), seen);
  const findings = [...own, ...seen];
  return { provider: name, usable: !findings.some(isError), findings };
}

/** A provider for which we only write files as yet. */
async function undriven(world: World, name: ProviderName): Promise<Finding> {
  const evidence = name === "virtualbox" || name === "libvirt" ? await passOver(name, world.exec) : undefined;
  return {
    id: "provider-not-driven",
    severity: "error",
    title: "'cluster up' cannot drive this provider",
    evidence: evidence ?? "there is no such provider yet",
    fix: "use '--provider nspawn', or 'cluster render' and then vagrant itself",
  };
}

/** The cluster that is meant; where there is none (or it is not valid), one with all defaults. */
async function somePlan(context: Context): Promise<ClusterPlan> {
  try {
    const dir = await context.clusterDir();
    const spec = await context.spec(dir);
    return clusterPlan(clusterRef(spec.name, dir), spec);
  } catch (error) {
    if (!isAppError(error, "E_CONFIG_MISSING") && !isAppError(error, "E_CONFIG_INVALID")) throw error;
    const defaults = loadSpec("version: 1\nname: doctor\n", "defaults");
    if (!defaults.ok) throw error;
    return clusterPlan(clusterRef("doctor", context.io.cwd), defaults.spec);
  }
}
