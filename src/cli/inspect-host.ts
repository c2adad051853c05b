import { isAppError } from "../foundation/errors.ts";
import { passOver } from "../lifecycle/choose-provider.ts";
import { clusterRef, mustProvide } from "../lifecycle/cluster.ts";
import { clusterPlan } from "../lifecycle/desired.ts";
import type { ClusterPlan, Lack } from "../provider/provider.ts";
import { loadSpec } from "../spec/load.ts";
import type { ProviderName } from "../spec/model.ts";
import type { Context } from "./context.ts";

export interface HostFinding {
  readonly provider: ProviderName;
  readonly usable: boolean;
  readonly problems: readonly Pick<Lack, "what" | "hint">[];
}

/** What each provider says of this host. */
export async function inspectHost(context: Context): Promise<readonly HostFinding[]> {
  const world = await context.world();
  const plan = await somePlan(context);
  const nspawn = await mustProvide(world, "nspawn");
  const lacks = await nspawn.check(plan);
  const others = (["virtualbox", "libvirt"] as const).map(async (provider): Promise<HostFinding> => {
    const hint = "'cluster render' writes a folder for Vagrant";
    const what = await passOver(provider, world.exec);
    return { provider, usable: false, problems: [{ what, hint }] };
  });
  return [
    ...(await Promise.all(others)),
    { provider: "nspawn", usable: lacks.length === 0, problems: lacks },
  ];
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
