import { join } from "node:path";
import { AppError } from "../../../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../../../foundation/files.ts";
import { loopbackProxies } from "../../../provision/proxy.ts";
import type { ClusterPlan } from "../../provider.ts";
import type { Relay } from "../../gateway/relays.ts";

/** What the supervisor needs to know of a cluster; written by `prepare`, read when it starts. */
export interface SupervisorConfig {
  readonly version: 1;
  readonly name: string;
  readonly dir: string;
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly subnet: string;
  readonly internet: boolean;
  readonly mirror: boolean;
  /** Of the first machine: guest port -> host port. */
  readonly ports: Readonly<Record<string, number>>;
  /** Whether the cluster has a discovery service of its own. Missing in what an older version wrote. */
  readonly discovery?: boolean;
  /** Proxies on this host's loopback. Missing in what an older version wrote. */
  readonly relays?: readonly Relay[];
}

export function supervisorConfig(cluster: ClusterPlan, cacheDir: string): SupervisorConfig {
  const { spec, name, dir, stateDir } = cluster;
  return {
    version: 1,
    name,
    dir,
    stateDir,
    cacheDir,
    subnet: spec.network.subnet,
    internet: spec.network.internet,
    mirror: spec.docker.mirror,
    ports: spec.ports,
    discovery: spec.etcd.discovery === "local",
    relays: loopbackProxies(spec.proxy),
  };
}

/** @returns whether that changed anything */
export async function writeConfig(config: SupervisorConfig): Promise<boolean> {
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  if ((await readIfExists(configFile(config.stateDir))) === text) return false;
  await writeAtomically(configFile(config.stateDir), text);
  return true;
}

/** @throws E_STATE_CONFLICT when the cluster has not been prepared */
export async function readConfig(stateDir: string): Promise<SupervisorConfig> {
  const text = await readIfExists(configFile(stateDir));
  if (text === undefined) {
    throw new AppError("E_STATE_CONFLICT", `${stateDir} holds no cluster of system containers`, {
      hint: "run 'cluster up' first",
    });
  }
  return JSON.parse(text) as SupervisorConfig;
}

export function configFile(stateDir: string): string {
  return join(stateDir, "supervisor.json");
}
