import { diagnose } from "../../doctor/diagnose.ts";
import type { Finding } from "../../doctor/finding.ts";
import { gather } from "../../doctor/gather.ts";
import { purposeOf } from "../../doctor/purpose.ts";
import type { ClusterPlan } from "../../provider/provider.ts";
import type { ProviderName } from "../../spec/model.ts";
import type { World } from "../cluster.ts";

/** What the doctor finds on this host for a cluster with that provider. */
export async function checkUp(
  world: World,
  provider: ProviderName,
  plan: ClusterPlan,
): Promise<readonly Finding[]> {
  return diagnose(await gather(world.host, [provider]), purposeOf(provider, plan));
}

/**
 * Tells what the doctor finds before anything is made. Even errors only warn here: what truly prevents the machines is
 * the provider's to refuse, and the user may know better than we do.
 */
export async function warnOfTroubles(world: World, provider: ProviderName, plan: ClusterPlan): Promise<void> {
  for (const { title, evidence, fix } of await checkUp(world, provider, plan)) {
    world.emit({ kind: "warning", message: `${title} (${evidence})`, hint: fix });
  }
}
