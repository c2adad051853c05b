import { messageOf } from "../../foundation/errors.ts";
import type { KnownCluster, World } from "../cluster.ts";
import { readLogin } from "../state/keys.ts";
import { nodeTarget } from "../access/node-access.ts";
import type { Observed } from "../plan/plan.ts";
import { probeNode } from "./probe.ts";
import { conditionOf } from "../state/condition.ts";
import type { MachineState } from "../state/state.ts";

export interface ObserveOptions {
  /** What each machine's user-data should be now (SHA-256), by name. */
  readonly wanted?: Readonly<Record<string, string>>;
  /** Look into the running machines of these names: are they ready? */
  readonly probe?: readonly string[];
}

/** Every machine of the cluster, as state and provider see it together. */
export async function observe(
  world: World,
  cluster: KnownCluster,
  options: ObserveOptions = {},
): Promise<readonly Observed[]> {
  const { state, provider, ref } = cluster;
  const seen = await provider.machines(ref);
  return await Promise.all(
    Object.entries(state.machines).map(async ([name, machine]): Promise<Observed> => {
      const condition = conditionOf(machine, seen.get(name));
      const look = condition === "running" && (options.probe ?? []).includes(name);
      const trouble = look ? await troubleOf(world, cluster, name, machine) : undefined;
      const wanted = options.wanted?.[name];
      return {
        name,
        state: condition,
        trouble,
        stale: wanted !== undefined && wanted !== machine.userDataHash,
      };
    }),
  );
}

async function troubleOf(
  world: World,
  cluster: KnownCluster,
  name: string,
  machine: MachineState,
): Promise<string | undefined> {
  try {
    const login = await readLogin(cluster.ref.stateDir);
    const report = await probeNode(world, nodeTarget(cluster.provider, name, machine.address), login);
    const bad = report.layers.find(({ ok }) => !ok);
    return bad === undefined
      ? undefined
      : `not ready: ${bad.layer}${bad.why === undefined ? "" : ` (${bad.why})`}`;
  } catch (error) {
    return `not ready: ${messageOf(error)}`;
  }
}
