/** A cluster as cluster.yaml describes it, with all defaults filled in. Types only. */

export type ProviderName = "virtualbox" | "libvirt" | "nspawn" | "ssh";
export type OsName = "flatcar" | "debian" | "coreos";

/**
 * How etcd's members find each other: by a list (static), by our own service beside the cluster (local), by a new token of
 * the public service (token), or by the service or token at a URL.
 */
export type Discovery = "static" | "local" | "token" | `http${"" | "s"}://${string}`;

export interface ClusterSpec {
  readonly version: 1;
  readonly name: string;
  readonly provider: ProviderName | "auto";
  readonly os: OsSpec;
  readonly machines: {
    readonly count: number;
    readonly prefix: string;
    /** MiB */
    readonly memory: number;
    readonly cpus: number;
    readonly metadata: Readonly<Record<string, string>>;
    readonly overrides: Readonly<Record<string, MachineOverride>>;
  };
  readonly network: {
    /** CIDR, e.g. `192.168.56.0/24`. */
    readonly subnet: string;
    /** The host number of the first machine in the subnet. */
    readonly first: number;
    readonly internet: boolean;
  };
  readonly etcd: { readonly members: number; readonly discovery: Discovery };
  readonly fleet: {
    /** ms; undefined: what suits the machines */
    readonly agentTtl?: number;
  };
  readonly docker: {
    readonly images: readonly string[];
    readonly mirror: boolean;
    readonly exposeTcp: boolean;
  };
  readonly ssh: {
    readonly insecureKey: "auto" | "inject" | "off";
    readonly authorizedKeys: readonly string[];
  };
  readonly proxy: ProxySpec | undefined;
  /** guest port -> host port on loopback, of the first machine. */
  readonly ports: Readonly<Record<number, number>>;
  readonly sharedFolders: readonly SharedFolder[];
  readonly vagrant: VagrantSpec;
  /** Paths of unit files, relative to cluster.yaml. */
  readonly services: readonly string[];
  /** Merged into each node's cloud-config. */
  readonly userData: Readonly<Record<string, unknown>>;
}

export interface OsSpec {
  readonly name: OsName | "auto";
  readonly channel: string;
  /** `current`, or one release. */
  readonly version: string;
  /** Where CoreOS's boxes are still to be had: a folder with `amd64-usr`, or a .json or .box itself. */
  readonly mirror: string | undefined;
}

/** What only machines that Vagrant makes have. */
export interface VagrantSpec {
  /** A window for each machine. */
  readonly gui: boolean;
  readonly serialLog: boolean;
  /** How much of a host processor one of a machine's may use, in percent. */
  readonly cpuCap: number;
  /** The home folder of the person at the host, at the same path. */
  readonly shareHome: boolean;
  /** How libvirt runs machines: `auto` is kvm where /dev/kvm can be used, else qemu's emulation. */
  readonly libvirtDriver: "auto" | "kvm" | "qemu";
}

export interface MachineOverride {
  readonly memory?: number;
  readonly cpus?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ProxySpec {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly no: readonly string[];
  /** Holds the password of the URLs that name a user and none; relative to cluster.yaml. */
  readonly passwordFile: string | undefined;
}

export interface SharedFolder {
  readonly host: string;
  readonly guest: string;
}

/** One machine of the cluster, worked out from the spec. */
export interface MachineSpec {
  /** `core-01` */
  readonly name: string;
  /** 1, 2, 3 … */
  readonly index: number;
  /** IPv4 address, literal. */
  readonly address: string;
  /** MiB */
  readonly memory: number;
  readonly cpus: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly etcdMember: boolean;
}
