import type { ClusterSpec, MachineSpec } from "../spec/model.ts";
import { netmask, subnetOf } from "../spec/subnet.ts";
import type { ClusterKeys } from "./keys.ts";
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
  /** Each machine's cloud-config (rendered for virtualbox), by name. */
  readonly userData: Readonly<Record<string, string>>;
}

/**
 * A folder that `vagrant up` works in: Vagrantfile, config.rb, each machine's cloud-config and the operator's key. Boxes
 * upload a file named `user-data` from the current folder by themselves, hence the folder's other name.
 */
export function renderVagrantFolder({ spec, machines, keys, userData }: VagrantFolderInput): RenderedFile[] {
  return [
    {
      path: "Vagrantfile",
      content: renderTemplate("Vagrantfile.hbs", vagrantfileData(spec, machines)),
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

function vagrantfileData(spec: ClusterSpec, machines: readonly MachineSpec[]): object {
  const nodes = machines.map(({ name, address, memory, cpus }) => ({
    name,
    settings: {
      address,
      user_data: userDataPath(name),
      ...(memory === spec.machines.memory ? {} : { memory }),
      ...(cpus === spec.machines.cpus ? {} : { cpus }),
    },
  }));
  const cluster = {
    prefix: spec.machines.prefix,
    channel: spec.os.channel,
    netmask: netmask(subnetOf(spec.network.subnet)),
  };
  return { nodes, cluster };
}

function knobs(spec: ClusterSpec): object {
  const { count, prefix, memory, cpus } = spec.machines;
  const { channel, version } = spec.os;
  return { count, prefix, memory, cpus, channel, version, ports: spec.ports };
}

function userDataPath(name: string): string {
  return `cloud-config/${name}.yaml`;
}

function textOf(userData: Readonly<Record<string, string>>, name: string): string {
  const text = userData[name];
  if (text === undefined) throw new RangeError(`no cloud-config for ${name}`);
  return text;
}
