import type { ClusterSpec, ProviderName } from "../spec/model.ts";
import { misfits, systemOf } from "../spec/provider-fit.ts";
import { AppError } from "../foundation/errors.ts";

/** What the operating systems do differently; all else in a node's cloud-config is the same for all. */
export interface OsProfile {
  readonly name: "debian" | "flatcar" | "coreos";
  readonly etcdUnit: string;
  /** `coreos.etcd2` of the cloud-config, or a drop-in of `etcdUnit` where cloudinit knows no such unit. */
  readonly etcdSettings: "cloud-config" | "drop-in";
  readonly etcdDataDir: string | undefined;
  /** ms; virtual machines pause now and then, containers do not */
  readonly etcdElection: number;
  /** ms; between two signs of life of etcd's leader */
  readonly etcdHeartbeat: number;
  /** ms; how long a silent machine keeps its units when cluster.yaml does not say */
  readonly agentTtl: number;
  /** Whether the cloud-config sets up the machine's card on the cluster's network: eth1. */
  readonly network: "provider" | "cloud-config";
  /**
   * Where fleet comes from: our image has it; the cloud-config writes its units, which wait for our executable; or the
   * system brings a fleet of its own (CoreOS), which is left as it is.
   */
  readonly fleet: "image" | "cloud-config" | "native";
  /** The registry mirror is on the cluster's gateway. */
  readonly mirror: boolean;
  readonly apt: boolean;
  /** Whether the system restarts by itself after it has updated itself. */
  readonly reboots: boolean;
  /**
   * `$private_ipv4` and `$public_ipv4` in the user's own cloud-config are replaced here: on the newer Flatcar boxes
   * the second is 127.0.0.1.
   */
  readonly literalAddresses: boolean;
  /** What machines with this system cannot do, each a sentence for the user. */
  readonly cannot: readonly string[];
}

const timing = { etcdHeartbeat: 100, etcdElection: 500, agentTtl: 4_000 };
/**
 * Of virtual machines, several on one processor: none of their pauses shall look like a failure.
 */
const slowTiming = { etcdHeartbeat: 300, etcdElection: 3_000, agentTtl: 10_000 };

/** Of machines that are emulated for sure: hundreds of milliseconds are nothing to them. */
const emulatedTiming = { etcdHeartbeat: 500, etcdElection: 5_000, agentTtl: 20_000 };

const debian = {
  name: "debian",
  etcdUnit: "etcd2.service",
  etcdSettings: "cloud-config",
  etcdDataDir: "/var/lib/etcd2",
  fleet: "image",
  apt: true,
  reboots: false,
  literalAddresses: false,
  cannot: [],
} as const satisfies Partial<OsProfile>;

const flatcar: OsProfile = {
  name: "flatcar",
  etcdUnit: "etcd-member.service",
  etcdSettings: "drop-in",
  // Its container mounts /var/lib/etcd, etcd's own default.
  etcdDataDir: undefined,
  etcdElection: 1_000,
  etcdHeartbeat: 100,
  agentTtl: 4_000,
  network: "provider",
  fleet: "cloud-config",
  mirror: false,
  apt: false,
  reboots: true,
  literalAddresses: true,
  cannot: [
    "flatcar: etcd and its tools are docker images, pulled from quay.io at the first boot: the machines need the Internet, or a proxy",
    "flatcar: there is no registry mirror: images come from Docker Hub",
    "flatcar: ETCDCTL_API=2 and the keys for fleetctl are set in login shells, not for 'ssh NODE COMMAND'",
    "flatcar: its boxes are for amd64 and VirtualBox only",
  ],
};

const coreos: OsProfile = {
  name: "coreos",
  etcdUnit: "etcd2.service",
  etcdSettings: "cloud-config",
  etcdDataDir: "/var/lib/etcd2",
  etcdElection: 1_000,
  etcdHeartbeat: 100,
  agentTtl: 4_000,
  network: "provider",
  fleet: "native",
  mirror: false,
  apt: false,
  reboots: true,
  literalAddresses: true,
  cannot: [
    "coreos: fleet is CoreOS's own: machines that fail are noticed after 30 seconds or more, and this project's fleetctl commands beyond fleet 1.0 do not work",
    "coreos: releases from autumn 2017 on (1520 and later) have no fleet, those from spring 2018 on no etcd2",
    "coreos: it has had no security updates since May 2020: keep it off every network but this host's",
    "coreos: its boxes are for amd64 and VirtualBox only",
  ],
};

/**
 * The system that this provider's machines run.
 * @throws E_NOT_SUPPORTED with everything that cluster.yaml asks for and this provider's machines cannot be or have
 */
export function osProfile(spec: ClusterSpec, provider: ProviderName): OsProfile {
  const [first, ...more] = misfits(spec, provider);
  if (first !== undefined) {
    throw new AppError("E_NOT_SUPPORTED", `${first.path.join(".")}: ${first.message}`, {
      details: more.map(({ path, message }) => `${path.join(".")}: ${message}`),
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
  const system = systemOf(spec.os.name, provider);
  if (system === "flatcar") return flatcar;
  if (system === "coreos") return coreos;
  if (provider === "nspawn") return { ...debian, ...timing, mirror: true, network: "provider" };
  const emulated = provider === "libvirt" && spec.vagrant.libvirtDriver === "qemu";
  return {
    ...debian,
    ...(emulated ? emulatedTiming : slowTiming),
    mirror: provider === "libvirt",
    network: "cloud-config",
  };
}
