import type { ClusterSpec, MachineSpec, ProviderName } from "../spec/model.ts";
import { netmask, subnetOf } from "../spec/subnet.ts";
import { boxOf } from "./box.ts";
import { dockerTcpPort } from "./docker-units.ts";
import { executablePath } from "./fleet-units.ts";
import type { ClusterKeys } from "./keys.ts";
import { osProfile, type OsProfile } from "./os-profile.ts";
import { loopbackProxies } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";

/** A file of a rendered folder. */
export interface RenderedFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly content: string;
  /** Permission bits; 0o600 where there are secrets. */
  readonly mode: number;
}

export interface VagrantFolderInput {
  readonly spec: ClusterSpec;
  readonly machines: readonly MachineSpec[];
  readonly keys: ClusterKeys;
  /** Each machine's cloud-config (rendered for the same provider), by name. */
  readonly userData: Readonly<Record<string, string>>;
  readonly provider: ProviderName;
  /** Our executable on this host, for systems that do not bring it. */
  readonly executable?: ExecutableFile;
  /** The box of our own system, when it has been built; else Vagrant must know one already. */
  readonly box?: OwnBox;
  /** What the hypervisor shall call things; all clusters of a host share its lists. */
  readonly names?: HypervisorNames;
  /** Each machine's id, by name: 32 hex digits. */
  readonly machineIds?: Readonly<Record<string, string>>;
}

export interface OwnBox {
  readonly url: string;
  readonly version: string;
}

export interface HypervisorNames {
  /** Before each machine's name. */
  readonly prefix: string;
  readonly network: string;
}

export interface ExecutableFile {
  /** Absolute. */
  readonly source: string;
  /** Hex. */
  readonly sha256: string;
}

/**
 * A folder that `vagrant up` works in: Vagrantfile, config.rb, each machine's cloud-config and the operator's key. Boxes
 * upload a file named `user-data` from the current folder by themselves, hence the folder's other name.
 * @throws E_NOT_SUPPORTED when the provider's machines cannot be what cluster.yaml asks for
 */
export function renderVagrantFolder(input: VagrantFolderInput): RenderedFile[] {
  const { spec, machines, keys, userData } = input;
  return [
    {
      path: "Vagrantfile",
      content: renderTemplate("Vagrantfile.hbs", vagrantfileData(input, osProfile(spec, input.provider))),
      mode: 0o644,
    },
    { path: "config.rb", content: renderTemplate("vagrant/config.rb.hbs", knobs(spec)), mode: 0o644 },
    { path: "ssh/operator", content: keys.operator.privateKey, mode: 0o600 },
    ...machines.map(({ name }) => ({
      path: userDataPath(name),
      content: textOf(userData, name),
      mode: 0o600,
    })),
  ];
}

function vagrantfileData(input: VagrantFolderInput, profile: OsProfile): object {
  const { spec, machines, provider, executable } = input;
  const nodes = machines.map(({ name, address, memory, cpus }) => ({
    name,
    settings: {
      address,
      user_data: userDataPath(name),
      ...(input.machineIds?.[name] === undefined ? {} : { machine_id: input.machineIds[name] }),
      ...(memory === spec.machines.memory ? {} : { memory }),
      ...(cpus === spec.machines.cpus ? {} : { cpus }),
    },
  }));
  const box = boxOf(spec, profile.name);
  const cluster = {
    provider,
    system: profile.name,
    prefix: spec.machines.prefix,
    channel: spec.os.channel,
    netmask: netmask(subnetOf(spec.network.subnet)),
    box: box.name,
    box_url: box.url ?? input.box?.url ?? null,
    box_version: box.url === undefined ? (input.box?.version ?? null) : null,
    vm_prefix: input.names?.prefix ?? null,
    network: input.names?.network ?? null,
    host_loopback: provider === "virtualbox" && loopbackProxies(spec.proxy).length > 0,
    docker_tcp: spec.docker.exposeTcp,
    executable:
      profile.fleet === "cloud-config" && executable !== undefined
        ? { ...executable, path: executablePath(executable.sha256) }
        : null,
  };
  return { nodes, cluster: Object.entries(cluster).map(([name, value]) => ({ name, value })) };
}

function knobs(spec: ClusterSpec): object {
  const { count, prefix, memory, cpus } = spec.machines;
  const { channel, version } = spec.os;
  const folders = Object.fromEntries(spec.sharedFolders.map(({ host, guest }) => [host, guest]));
  const dockerTcp = spec.docker.exposeTcp ? dockerTcpPort : null;
  return {
    ...spec.vagrant,
    count,
    prefix,
    memory,
    cpus,
    channel,
    version,
    ports: spec.ports,
    folders,
    dockerTcp,
  };
}

function userDataPath(name: string): string {
  return `cloud-config/${name}.yaml`;
}

function textOf(userData: Readonly<Record<string, string>>, name: string): string {
  const text = userData[name];
  if (text === undefined) throw new RangeError(`no cloud-config for ${name}`);
  return text;
}
