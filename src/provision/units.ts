import type { MachineSpec } from "../spec/model.ts";
import type { OsProfile } from "./os-profile.ts";
import { proxyVariables } from "./proxy.ts";
import type { Variable } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";
import type { NodeInput } from "./write-files.ts";

/** One entry of a cloud-config's coreos.units. */
export interface CloudUnit {
  readonly name: string;
  /** In /run rather than /etc: gone with the next boot, when cloudinit writes it again if it is still wanted. */
  readonly runtime?: true;
  readonly enable?: true;
  readonly command?: "start" | "restart";
  readonly content?: string;
  readonly drop_ins?: readonly { readonly name: string; readonly content: string }[];
}

/** The `coreos` section: etcd, fleet, and the units to start, in the order in which they depend on each other. */
export function coreosSection(input: NodeInput, profile: OsProfile): Record<string, unknown> {
  const { machine } = input;
  const inCloudConfig = profile.etcdSettings === "cloud-config" && machine.etcdMember;
  return {
    ...(inCloudConfig ? { etcd2: etcdSettings(input, profile) } : {}),
    ...(profile.units === "image" ? { fleet: fleetSettings(input) } : {}),
    ...(profile.reboots ? { update: { reboot_strategy: "off" } } : {}),
    units: [
      ...(machine.etcdMember ? [etcdMember(input, profile)] : etcdGateway(input, profile)),
      docker(input),
      ...fleet(input, profile),
    ],
  };
}

/** etcd's settings by the names of `coreos.etcd2`; upper-cased after `ETCD_` they are etcd's own. */
function etcdSettings(input: NodeInput, profile: OsProfile): Record<string, string | number> {
  const { machine } = input;
  const url = (address: string, port: number): string => `http://${address}:${port}`;
  const clients = [2379, 4001].flatMap((port) => [url(machine.address, port), url("127.0.0.1", port)]);
  return {
    name: machine.name,
    ...(profile.etcdDataDir === undefined ? {} : { data_dir: profile.etcdDataDir }),
    ...clusterSettings(input),
    listen_client_urls: clients.join(","),
    advertise_client_urls: url(machine.address, 2379),
    listen_peer_urls: [2380, 7001].map((port) => url(machine.address, port)).join(","),
    initial_advertise_peer_urls: url(machine.address, 2380),
    heartbeat_interval: 100,
    election_timeout: profile.etcdElection,
  };
}

/** How the members find each other. A single member has nobody to look for. */
function clusterSettings({ machines, keys, discovery }: NodeInput): Record<string, string> {
  const all = members(machines);
  if (discovery === undefined || discovery.again || all.length === 1) {
    return {
      initial_cluster: all.map(({ name, address }) => `${name}=http://${address}:2380`).join(","),
      initial_cluster_state: "new",
      initial_cluster_token: discovery === undefined || all.length === 1 ? keys.etcdToken : discovery.url,
    };
  }
  return { discovery: discovery.url, discovery_fallback: "exit" };
}

/**
 * etcd asks its discovery service through this proxy only, whatever HTTP_PROXY says; our own service is near. It is no key
 * of coreos.etcd2, which has no way to write the "%" of a password.
 */
function discoveryProxy({ spec, machines, discovery }: NodeInput): Variable[] {
  const asks = discovery !== undefined && !discovery.again && members(machines).length > 1;
  const value = spec.etcd.discovery === "local" ? undefined : (spec.proxy?.http ?? spec.proxy?.https);
  return asks && value !== undefined ? [{ name: "ETCD_DISCOVERY_PROXY", value }] : [];
}

/** fleet's settings by the names of `coreos.fleet`; upper-cased after `FLEET_` they are fleetd's own. */
function fleetSettings({ spec, machine, machines }: NodeInput): Record<string, string> {
  const metadata = Object.entries(machine.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    public_ip: machine.address,
    ...(metadata.length === 0
      ? {}
      : { metadata: metadata.map(([key, value]) => `${key}=${value}`).join(",") }),
    agent_ttl: `${spec.fleet.agentTtl / 1_000}s`,
    etcd_servers: members(machines)
      .map(({ address }) => `http://${address}:2379`)
      .join(","),
  };
}

function etcdMember(input: NodeInput, profile: OsProfile): CloudUnit {
  const proxy = discoveryProxy(input);
  if (profile.etcdSettings === "cloud-config") {
    const dropIns = proxy.length === 0 ? {} : { drop_ins: [dropIn("20-discovery.conf", proxy)] };
    const where = proxy.length === 0 ? {} : { runtime: true as const };
    return { name: profile.etcdUnit, ...where, command: "start", ...dropIns };
  }
  const settings = { ...etcdSettings(input, profile), enable_v2: "true" };
  return {
    name: profile.etcdUnit,
    runtime: true,
    command: "start",
    drop_ins: [dropIn("20-cluster.conf", [...variablesOf("ETCD_", settings), ...proxy])],
  };
}

/** On machines that are no members: etcd's gateway, so that etcdctl and curl work there as everywhere. */
function etcdGateway({ machines }: NodeInput, profile: OsProfile): CloudUnit[] {
  const endpoints = members(machines)
    .map(({ address }) => `${address}:2379`)
    .join(",");
  if (profile.units === "cloud-config") {
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

function docker({ spec, machines }: NodeInput): CloudUnit {
  const variables = proxyVariables(spec, machines);
  if (variables.length === 0) return { name: "docker.service", command: "start" };
  // A drop-in that somebody wrote by hand wins when its name sorts after this one's; `cluster status` says so.
  return {
    name: "docker.service",
    runtime: true,
    command: "start",
    drop_ins: [dropIn("20-http-proxy.conf", variables)],
  };
}

function fleet(input: NodeInput, profile: OsProfile): CloudUnit[] {
  if (profile.units === "image") return [{ name: "fleet.service", command: "start" }];
  const variables = variablesOf("FLEET_", fleetSettings(input));
  const data = {
    variables,
    etcdUnit: input.machine.etcdMember ? profile.etcdUnit : "etcd-gateway@2379.service",
  };
  return [
    {
      name: "fleet.socket",
      runtime: true,
      command: "start",
      content: renderTemplate("user-data/fleet.socket.hbs", {}),
    },
    {
      name: "fleet.service",
      runtime: true,
      command: "start",
      content: renderTemplate("user-data/fleet.service.hbs", data),
    },
  ];
}

function members(machines: readonly MachineSpec[]): MachineSpec[] {
  return machines.filter(({ etcdMember }) => etcdMember);
}

function variablesOf(prefix: string, settings: Readonly<Record<string, string | number>>): Variable[] {
  return Object.entries(settings).map(([key, value]) => ({
    name: prefix + key.toUpperCase(),
    value: String(value),
  }));
}

function dropIn(name: string, variables: readonly Variable[]): { name: string; content: string } {
  return { name, content: renderTemplate("user-data/environment.conf.hbs", { variables }) };
}
