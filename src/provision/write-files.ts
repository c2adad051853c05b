import { gatewayOf } from "../spec/machines.ts";
import type { ClusterSpec, MachineSpec } from "../spec/model.ts";
import type { KeyPair } from "./keys.ts";
import { knownHosts } from "./known-hosts.ts";
import type { NodeInput } from "./node-input.ts";
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

/** The port of the registry mirror on the gateway. */
const mirrorPort = 5000;

/** Where the ssh-agent of the user core listens. */
const agentSocket = "/run/ssh-agent-core/agent.sock";

/**
 * Every file that a node gets from its cloud-config, in a fixed order.
 * @param insecure whether Vagrant's insecure key is laid there, too
 */
export function writeFiles(input: NodeInput, profile: OsProfile, insecure: boolean): WriteFile[] {
  const { spec, machines, keys } = input;
  const known = knownHosts(machines, keys);
  return [
    rootFile("/etc/hosts", "0644", renderTemplate("user-data/hosts.hbs", { machines })),
    ...hostKeyFiles(input),
    coreFile("/home/core/.ssh/id_ed25519", "0600", endLine(keys.nodes.privateKey)),
    coreFile("/home/core/.ssh/id_ed25519.pub", "0644", endLine(keys.nodes.publicKey)),
    coreFile("/home/core/.ssh/known_hosts", "0644", known),
    coreFile("/home/core/.fleetctl/known_hosts", "0644", known),
    ...(insecure ? insecureKeyFiles(input.insecureKey) : []),
    ...(profile.fleet === "image" ? [] : shellFiles(profile)),
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

/** The key for people and units on the machine to use, as they would on a host with Vagrant; and the way to the agent. */
function insecureKeyFiles(privateKey: string | undefined): WriteFile[] {
  const variables = [{ name: "SSH_AUTH_SOCK", value: agentSocket }];
  const agent = renderTemplate("user-data/environment.conf.hbs", { variables });
  return [
    ...(privateKey === undefined
      ? []
      : [coreFile("/home/core/.ssh/insecure_private_key", "0600", endLine(privateKey))]),
    rootFile("/run/systemd/system/service.d/20-ssh-agent.conf", "0644", agent),
  ];
}

/** What our own image has for login shells; and, where etcd is a docker image, an etcdctl that speaks v2. */
function shellFiles(profile: OsProfile): WriteFile[] {
  const login = renderTemplate("user-data/profile-flotilla.sh.hbs", { socket: agentSocket });
  const files = [rootFile("/etc/profile.d/flotilla.sh", "0644", login)];
  if (profile.etcdSettings === "cloud-config") return files;
  return [...files, rootFile("/opt/bin/etcdctl", "0755", renderTemplate("user-data/etcdctl.hbs", {}))];
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
