import type { MachineSpec } from "../spec/model.ts";
import { dropIn, variablesOf, type CloudUnit } from "./cloud-unit.ts";
import type { EtcdPeer, NodeInput } from "./node-input.ts";
import type { OsProfile } from "./os-profile.ts";
import type { Variable } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";

/** The machines that etcd's data lives on. */
export function membersOf(machines: readonly MachineSpec[]): MachineSpec[] {
  return machines.filter(({ etcdMember }) => etcdMember);
}

/**
 * `coreos.etcd2` of this machine, or undefined when it has none. Upper-cased after `ETCD_`, its keys are etcd's own.
 */
export function etcd2Section(
  input: NodeInput,
  profile: OsProfile,
): Record<string, string | number> | undefined {
  if (profile.etcdSettings !== "cloud-config") return undefined;
  if (input.machine.etcdMember) return memberSettings(input, profile);
  return profile.fleet === "native" ? proxySettings(input) : undefined;
}

/** etcd itself on members, and on the others what leads to it. */
export function etcdUnits(input: NodeInput, profile: OsProfile): CloudUnit[] {
  if (input.machine.etcdMember) return [memberUnit(input, profile)];
  if (profile.fleet === "native") return [{ name: profile.etcdUnit, command: "start" }];
  return gatewayUnits(input, profile);
}

const url = (address: string, port: number): string => `http://${address}:${port}`;

function clientUrls({ machine }: NodeInput): string {
  return [2379, 4001].flatMap((port) => [url(machine.address, port), url("127.0.0.1", port)]).join(",");
}

function memberSettings(input: NodeInput, profile: OsProfile): Record<string, string | number> {
  const { machine } = input;
  return {
    name: machine.name,
    ...(profile.etcdDataDir === undefined ? {} : { data_dir: profile.etcdDataDir }),
    ...bootstrap(input),
    listen_client_urls: clientUrls(input),
    advertise_client_urls: url(machine.address, 2379),
    listen_peer_urls: [2380, 7001].map((port) => url(machine.address, port)).join(","),
    initial_advertise_peer_urls: url(machine.address, 2380),
    heartbeat_interval: profile.etcdHeartbeat,
    election_timeout: profile.etcdElection,
  };
}

/** How the members find each other at the very first start. A single member has nobody to look for. */
function bootstrap({
  machines,
  keys,
  discovery,
  again = false,
  etcdPeers,
}: NodeInput): Record<string, string> {
  if (etcdPeers !== undefined) {
    return { initial_cluster: clusterOf(etcdPeers), initial_cluster_state: "existing" };
  }
  const alone = membersOf(machines).length === 1;
  if (discovery === undefined || again || alone) {
    return {
      initial_cluster: initialCluster(machines),
      initial_cluster_state: again && !alone ? "existing" : "new",
      initial_cluster_token: discovery === undefined || alone ? keys.etcdToken : discovery.url,
    };
  }
  return { discovery: discovery.url, discovery_fallback: "exit" };
}

/**
 * etcd asks its discovery service through this proxy only, whatever HTTP_PROXY says; our own service is near. It is no key
 * of coreos.etcd2, which has no way to write the "%" of a password.
 */
function discoveryProxy({ spec, machines, discovery, again = false }: NodeInput): Variable[] {
  const asks = discovery !== undefined && !again && membersOf(machines).length > 1;
  const value = spec.etcd.discovery === "local" ? undefined : (spec.proxy?.http ?? spec.proxy?.https);
  return asks && value !== undefined ? [{ name: "ETCD_DISCOVERY_PROXY", value }] : [];
}

/** On old etcd's machines without data: its own proxy. */
function proxySettings(input: NodeInput): Record<string, string> {
  return {
    proxy: "on",
    initial_cluster: initialCluster(input.machines),
    listen_client_urls: clientUrls(input),
  };
}

function initialCluster(machines: readonly MachineSpec[]): string {
  return clusterOf(membersOf(machines));
}

function clusterOf(members: readonly EtcdPeer[]): string {
  return members.map(({ name, address }) => `${name}=${url(address, 2380)}`).join(",");
}

/** What etcd2.service of our own image says by itself, and why. */
const ofOurImage = {
  enable_v2: "true",
  grpc_keepalive_min_time: "1s",
  auto_compaction_mode: "revision",
  auto_compaction_retention: "10000",
} as const;

function memberUnit(input: NodeInput, profile: OsProfile): CloudUnit {
  const proxy = discoveryProxy(input);
  if (profile.etcdSettings === "cloud-config") {
    if (proxy.length === 0) return { name: profile.etcdUnit, command: "start" };
    const own = dropIn("20-discovery.conf", proxy);
    return { name: profile.etcdUnit, runtime: true, command: "start", drop_ins: [own] };
  }
  const settings = { ...memberSettings(input, profile), ...ofOurImage };
  return {
    name: profile.etcdUnit,
    runtime: true,
    command: "start",
    drop_ins: [dropIn("20-cluster.conf", [...variablesOf("ETCD_", settings), ...proxy])],
  };
}

/** On machines that are no members: etcd's gateway, so that etcdctl and curl work there as everywhere. */
function gatewayUnits({ machines }: NodeInput, profile: OsProfile): CloudUnit[] {
  const endpoints = membersOf(machines)
    .map(({ address }) => `${address}:2379`)
    .join(",");
  if (profile.fleet === "cloud-config") {
    const content = renderTemplate("user-data/etcd-gateway@.service.hbs", { endpoints });
    const instances = [2379, 4001].map((port) => ({
      name: `etcd-gateway@${port}.service`,
      command: "start" as const,
    }));
    return [{ name: "etcd-gateway@.service", runtime: true, content }, ...instances];
  }
  const variables = [{ name: "ETCD_GATEWAY_ENDPOINTS", value: endpoints }];
  return [
    {
      name: "etcd-gateway.service",
      runtime: true,
      command: "start",
      drop_ins: [dropIn("20-endpoints.conf", variables)],
    },
  ];
}
