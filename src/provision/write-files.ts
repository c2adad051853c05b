import { gatewayOf } from "../spec/machines.ts";
import type { ClusterSpec, MachineSpec } from "../spec/model.ts";
import type { ClusterKeys, KeyPair } from "./keys.ts";
import { knownHosts } from "./known-hosts.ts";
import type { OsProfile } from "./os-profile.ts";
import { proxyVariables } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";

/** One entry of a cloud-config's write_files. */
export interface WriteFile {
  readonly path: string;
  readonly owner: string;
  /** Octal, as text. */
  readonly permissions: string;
  readonly content: string;
}

export interface NodeInput {
  readonly spec: ClusterSpec;
  readonly machine: MachineSpec;
  readonly machines: readonly MachineSpec[];
  readonly keys: ClusterKeys;
  /** Undefined when etcd's members know each other from a list. */
  readonly discovery?: NodeDiscovery | undefined;
}

/** How this node finds etcd's other members by a discovery service. */
export interface NodeDiscovery {
  /** The token's URL. */
  readonly url: string;
  /**
   * The machine is made again, of a cluster that has formed: its token knows it already and would refuse it, so it gets the
   * list, and the token as name of the cluster, from which etcd computes the members' ids.
   */
  readonly again: boolean;
}

/** The port of the registry mirror on the gateway. */
const mirrorPort = 5000;

/** Every file that a node gets from its cloud-config, in a fixed order. */
export function writeFiles(input: NodeInput, profile: OsProfile): WriteFile[] {
  const { spec, machines, keys } = input;
  const known = knownHosts(machines, keys);
  return [
    rootFile("/etc/hosts", "0644", renderTemplate("user-data/hosts.hbs", { machines })),
    ...hostKeyFiles(input),
    coreFile("/home/core/.ssh/id_ed25519", "0600", endLine(keys.nodes.privateKey)),
    coreFile("/home/core/.ssh/id_ed25519.pub", "0644", endLine(keys.nodes.publicKey)),
    coreFile("/home/core/.ssh/known_hosts", "0644", known),
    coreFile("/home/core/.fleetctl/known_hosts", "0644", known),
    ...dockerFiles(spec, profile),
    ...proxyFiles(spec, machines, profile),
  ];
}

function hostKeyFiles({ machine, keys }: NodeInput): WriteFile[] {
  const pair: KeyPair | undefined = keys.hosts[machine.name];
  if (pair === undefined) throw new RangeError(`no host key for ${machine.name}`);
  return [
    rootFile("/etc/ssh/ssh_host_ed25519_key", "0600", endLine(pair.privateKey)),
    rootFile("/etc/ssh/ssh_host_ed25519_key.pub", "0644", endLine(pair.publicKey)),
  ];
}

/** Pulls ask the cluster's mirror first; docker falls back to Docker Hub by itself. */
function dockerFiles(spec: ClusterSpec, profile: OsProfile): WriteFile[] {
  if (!spec.docker.mirror || !profile.mirror) return [];
  const mirror = `${gatewayOf(spec)}:${mirrorPort}`;
  const settings = { "registry-mirrors": [`http://${mirror}`], "insecure-registries": [mirror] };
  return [rootFile("/etc/docker/daemon.json", "0644", `${JSON.stringify(settings, null, 2)}\n`)];
}

/**
 * The proxy for everything but docker, which has a drop-in of its own: login shells, sudo, and all services, so that
 * fleet's units have it too. What can lie in /run does, to be gone with the next boot when the proxy is.
 */
function proxyFiles(spec: ClusterSpec, machines: readonly MachineSpec[], profile: OsProfile): WriteFile[] {
  const variables = proxyVariables(spec, machines);
  if (variables.length === 0) return [];
  const names = variables.map(({ name }) => name);
  return [
    rootFile(
      "/etc/profile.d/proxy.sh",
      "0644",
      renderTemplate("user-data/profile-proxy.sh.hbs", { variables }),
    ),
    rootFile("/etc/sudoers.d/proxy", "0440", renderTemplate("user-data/sudoers-proxy.hbs", { names })),
    rootFile(
      "/run/systemd/system/service.d/20-http-proxy.conf",
      "0644",
      renderTemplate("user-data/environment.conf.hbs", { variables }),
    ),
    ...(profile.apt ? [rootFile("/etc/apt/apt.conf.d/95proxy", "0644", aptSettings(spec.proxy))] : []),
  ];
}

/** apt's own settings, which it also obeys where nothing sets its environment. */
function aptSettings(proxy: ClusterSpec["proxy"]): string {
  const urls = Object.entries({ http: proxy?.http, https: proxy?.https });
  const proxies = urls.flatMap(([scheme, url]) => (url === undefined ? [] : [{ scheme, url }]));
  return renderTemplate("user-data/apt-proxy.hbs", { proxies });
}

function rootFile(path: string, permissions: string, content: string): WriteFile {
  return { path, owner: "root:root", permissions, content };
}

function coreFile(path: string, permissions: string, content: string): WriteFile {
  return { path, owner: "core:core", permissions, content };
}

function endLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
