/**
 * What is known of this host. Everything that could not be found out is undefined, and what is unknown never becomes a
 * finding: a diagnosis speaks of what was seen.
 */
export interface HostFacts {
  /** As Node names it: `linux`, `darwin`, `win32`. */
  readonly platform: string;
  readonly arch: string;
  /** `6.14.0-24-generic` */
  readonly kernel: string;
  /** Whether this Linux runs inside Windows. */
  readonly wsl: boolean;
  /** A Mac with a processor of Apple's own. */
  readonly appleSilicon: boolean;
  /** On Windows: whether a hypervisor runs below it (Hyper-V, WSL 2, memory integrity). */
  readonly hypervisor: boolean | undefined;
  readonly cpu: CpuFacts | undefined;
  readonly kvm: KvmFacts | undefined;
  readonly vagrant: ProgramFacts | undefined;
  /** Names of Vagrant's plugins. */
  readonly vagrantPlugins: readonly string[] | undefined;
  readonly virtualbox: ProgramFacts | undefined;
  /** Names of VirtualBox's machines. */
  readonly virtualboxMachines: readonly string[] | undefined;
  /** Names of libvirt's machines. */
  readonly libvirtMachines: readonly string[] | undefined;
  /** The folders of clusters whose machines Vagrant knows, as far as they are still there. */
  readonly clusterFolders: readonly string[] | undefined;
  /** The text of VirtualBox's networks.conf. */
  readonly networksConf: string | undefined;
  readonly libvirt: ProgramFacts | undefined;
  /** What libvirt's daemon answers. */
  readonly libvirtDaemon: ProgramFacts | undefined;
  /** MiB; `available` where the system tells it honestly. */
  readonly memory: { readonly total: number; readonly available: number | undefined };
  readonly disks: readonly DiskFacts[];
  readonly limits: LimitFacts;
  readonly cgroup: "v1" | "v2" | "hybrid" | undefined;
  readonly addresses: readonly AddressFacts[];
  readonly routes: readonly NetworkFacts[];
  readonly firewall: FirewallFacts;
  /** The variables about proxies that are set, by their exact names. */
  readonly proxy: Readonly<Record<string, string>>;
  readonly clock: ClockFacts;
  /** Bridges that bear our name. */
  readonly bridges: readonly { readonly name: string; readonly cluster: string }[];
  /** Sockets that are open on this host, by path. */
  readonly sockets: readonly string[] | undefined;
}

export interface CpuFacts {
  /** Whether it can run virtual machines by itself (VT-x, AMD-V). */
  readonly virtualization: boolean;
  /** Whether this host is a virtual machine. */
  readonly guest: boolean;
}

export interface KvmFacts {
  /** `kvm_intel` or `kvm_amd`, when it is loaded. */
  readonly module: string | undefined;
  /** Whether KVM takes the processor as soon as it is loaded; undefined before Linux 6.12. */
  readonly enabledAtLoad: boolean | undefined;
  /** Whether there is /dev/kvm. */
  readonly device: boolean;
}

/** How a program answered when it was asked for its version. */
export type ProgramFacts =
  | { readonly state: "missing" }
  | { readonly state: "hangs" }
  | { readonly state: "fails"; readonly says: string }
  | { readonly state: "works"; readonly version: string; readonly says: string };

export interface DiskFacts {
  readonly path: string;
  /** MiB */
  readonly free: number;
}

export interface LimitFacts {
  /** Per user, of all its processes. */
  readonly inotifyInstances: number | undefined;
  readonly inotifyWatches: number | undefined;
  /** Open files of the whole system. */
  readonly files: { readonly used: number; readonly max: number } | undefined;
}

export interface NetworkFacts {
  /** The interface's name. */
  readonly name: string;
  /** `192.168.1.23/24`; a route's destination. */
  readonly cidr: string;
}

export interface AddressFacts extends NetworkFacts {
  /** The interface's hardware address, lower case. */
  readonly mac: string;
}

export interface FirewallFacts {
  /** What happens to forwarded packets that no rule names. */
  readonly forward: "ACCEPT" | "DROP" | undefined;
  /** The rules of that chain and of Docker's, as `iptables -S` prints them. */
  readonly rules: readonly string[];
  /** Whether packets that stay on one bridge pass the firewall too. */
  readonly bridged: boolean;
  readonly ufw: boolean;
  /** The rules that the user has given ufw; undefined when we may not read them. */
  readonly ufwRules: string | undefined;
  readonly firewalld: boolean;
  /** Interfaces of firewalld's zone `trusted`. */
  readonly trusted: readonly string[];
}

export interface ClockFacts {
  /** Wall-clock ms. */
  readonly now: number;
  /** Inside Windows: how far its clock is ahead of ours, ms. */
  readonly windowsAhead: number | undefined;
}
