import { AppError } from "../foundation/errors.ts";
import type { ClusterSpec, ProviderName } from "../spec/model.ts";

/** What the operating systems do differently; all else in a node's cloud-config is the same for all. */
export interface OsProfile {
  readonly name: "debian" | "flatcar";
  readonly etcdUnit: string;
  /** `coreos.etcd2` of the cloud-config, or a drop-in of `etcdUnit` where cloudinit knows no such unit. */
  readonly etcdSettings: "cloud-config" | "drop-in";
  readonly etcdDataDir: string | undefined;
  /** ms; virtual machines pause now and then, containers do not */
  readonly etcdElection: number;
  /** fleet's and the gateway's units: in the image, or written by the cloud-config. */
  readonly units: "image" | "cloud-config";
  /** The registry mirror is on the cluster's gateway. */
  readonly mirror: boolean;
  readonly apt: boolean;
  /** Whether the system restarts by itself after it has updated itself. */
  readonly reboots: boolean;
}

const debian: OsProfile = {
  name: "debian",
  etcdUnit: "etcd2.service",
  etcdSettings: "cloud-config",
  etcdDataDir: "/var/lib/etcd2",
  etcdElection: 500,
  units: "image",
  mirror: true,
  apt: true,
  reboots: false,
};

const flatcar: OsProfile = {
  name: "flatcar",
  etcdUnit: "etcd-member.service",
  etcdSettings: "drop-in",
  // Its container mounts /var/lib/etcd, etcd's own default.
  etcdDataDir: undefined,
  etcdElection: 1_000,
  units: "cloud-config",
  mirror: false,
  apt: false,
  reboots: true,
};

/** The system that this provider's machines run. @throws E_NOT_SUPPORTED for a pair that does not exist */
export function osProfile(spec: ClusterSpec, provider: ProviderName): OsProfile {
  const own = provider === "nspawn" ? debian : provider === "virtualbox" ? flatcar : undefined;
  if (own !== undefined && (spec.os.name === "auto" || spec.os.name === own.name)) return own;
  throw new AppError("E_NOT_SUPPORTED", `"${spec.os.name}" machines with ${provider} are not supported yet`, {
    hint: "set os.name to auto; nspawn runs debian, virtualbox runs flatcar",
  });
}
