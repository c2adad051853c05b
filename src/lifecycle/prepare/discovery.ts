import { join } from "node:path";
import { discoveryPort } from "../../discovery/server.ts";
import { newToken, plantToken, publicService } from "../../discovery/tokens.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import type { ClusterPlan } from "../../provider/provider.ts";
import type { NodeDiscovery } from "../../provision/node-input.ts";
import { gatewayOf, machinesOf } from "../../spec/machines.ts";
import type { ClusterSpec } from "../../spec/model.ts";
import type { KnownCluster, World } from "../cluster.ts";
import { ownedBy } from "../state/owner.ts";
import { stateFile, type ClusterState, type DiscoveryState } from "../state/state.ts";

/**
 * The cluster with its discovery token: known, or got now. Each new cluster gets one of its own; it is kept until the whole
 * cluster is destroyed. A single member has nobody to discover, and gets none.
 */
export async function withToken(
  world: World,
  spec: ClusterSpec,
  cluster: KnownCluster,
): Promise<KnownCluster> {
  const { state, file, ref } = cluster;
  if (state.discovery !== undefined || !isYoung(state)) return cluster;
  const discovery = await tokenOf(world, spec, ref.stateDir);
  if (discovery === undefined) return cluster;
  return { ...cluster, state: await file.update((now) => ({ ...now, discovery })) };
}

/** How each machine finds etcd's members, for rendering without `up`: as the state says, or as `up` would begin. */
export async function etcdStarts(
  world: World,
  spec: ClusterSpec,
  stateDir: string,
): Promise<(name: string) => EtcdStart> {
  const state = await stateFile(stateDir, world.owner).read();
  if (state !== undefined && (state.discovery !== undefined || !isYoung(state))) {
    return (name) => etcdStart(state, name);
  }
  const found = await tokenOf(world, spec, stateDir);
  const discovery = found === undefined ? undefined : { url: found.url };
  return () => ({ discovery, again: false });
}

/** The token that was got for this wish, or a new one; it lies with the cluster's keys, and ends with them. */
async function tokenOf(
  world: World,
  spec: ClusterSpec,
  stateDir: string,
): Promise<DiscoveryState | undefined> {
  const size = machinesOf(spec).filter(({ etcdMember }) => etcdMember).length;
  const wish = spec.etcd.discovery;
  if (wish === "static" || size < 2) return undefined;
  if (wish === "local") return { wish, size, url: await localUrl(spec, stateDir) };
  const path = join(stateDir, "keys", "discovery.json");
  const known = JSON.parse((await readIfExists(path)) ?? "{}") as Partial<DiscoveryState>;
  if (known.wish === wish && known.size === size && known.url !== undefined)
    return { wish, size, url: known.url };
  const made = { wish, size, url: await remoteUrl(world, spec, wish, size) };
  await writeAtomically(path, `${JSON.stringify(made)}\n`, { mode: 0o600, ...ownedBy(world.owner) });
  return made;
}

/** Our own service is at the gateway; the token is the cluster's identity, which ends with its state. */
async function localUrl(spec: ClusterSpec, stateDir: string): Promise<string> {
  const token = (await readIfExists(join(stateDir, "keys", "etcd-token")))?.trim() ?? "";
  return `http://${gatewayOf(spec)}:${discoveryPort}/${token}`;
}

/** A URL with a path is a token that somebody made; one without is a service that makes them. */
async function remoteUrl(world: World, spec: ClusterSpec, wish: string, size: number): Promise<string> {
  if (wish !== "token" && new URL(wish).pathname.length > 1) return wish.replace(/\/+$/, "");
  const service = wish === "token" ? publicService : wish;
  world.emit({ kind: "note", message: `asking ${service} for a discovery token` });
  return await newToken({ service, size, proxy: spec.proxy, signal: world.signal });
}

/** Tells our own service, which runs from now on, of the cluster's token. */
export async function plantLocalToken(state: ClusterState, signal: AbortSignal): Promise<void> {
  const { discovery, formed } = state;
  if (discovery?.wish === "local" && formed !== true) await plantToken(discovery.url, discovery.size, signal);
}

/** What a machine's cloud-config says of how its etcd begins. */
export interface EtcdStart {
  readonly discovery: NodeDiscovery | undefined;
  readonly again: boolean;
}

/** How a machine finds etcd's members. */
export function etcdStart(state: ClusterState, name: string): EtcdStart {
  const { discovery } = state;
  const again = isMadeAgain(state, name);
  return { discovery: discovery === undefined ? undefined : { url: discovery.url }, again };
}

/** Whether an etcd member was, or is about to be, made for a cluster that has formed already and has members left. */
export function isMadeAgain(state: ClusterState, name: string): boolean {
  const machine = state.machines[name];
  if (machine?.etcdMember !== true) return false;
  if (machine.created === "created") return machine.again === true;
  const others = Object.entries(state.machines).filter(
    ([other, { etcdMember }]) => etcdMember && other !== name,
  );
  return state.formed === true && others.some(([, { created }]) => created === "created");
}

/** The state once etcd's members have found each other. */
export function withFormed(state: ClusterState): ClusterState {
  return { ...state, formed: true };
}

/** What cluster.yaml asks for that a cluster whose machines exist cannot become. */
export function discoveryConflicts(state: ClusterState, { spec, machines }: ClusterPlan): string[] {
  const wish = spec.etcd.discovery;
  const before = state.discovery?.wish ?? "static";
  const single = machines.filter(({ etcdMember }) => etcdMember).length < 2;
  if (isYoung(state) || wish === before || (single && state.discovery === undefined)) return [];
  return [`etcd.discovery: its members found each other by ${before}, and do so once`];
}

function isYoung(state: ClusterState): boolean {
  return Object.values(state.machines).every(({ created }) => created === "no");
}
