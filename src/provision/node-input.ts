import type { ClusterSpec, MachineSpec } from "../spec/model.ts";
import type { ClusterKeys } from "./keys.ts";

/** What one node's cloud-config is made from. */
export interface NodeInput {
  readonly spec: ClusterSpec;
  readonly machine: MachineSpec;
  readonly machines: readonly MachineSpec[];
  readonly keys: ClusterKeys;
  /** Undefined when etcd's members know each other from a list. */
  readonly discovery?: NodeDiscovery | undefined;
  /**
   * The machine was made again, of a cluster that has formed: etcd expects it as a new member, and a discovery token, which
   * knows it already, would refuse it.
   */
  readonly again?: boolean;
  /**
   * The members (names) of the etcd that this machine's etcd was added to, itself included; undefined when it is one of the
   * first. They may include machines that cluster.yaml no longer has, so each comes with its address.
   */
  readonly etcdPeers?: readonly EtcdPeer[];
  /** SHA-256 of our executable, in hex, where the system does not bring it; its units wait for exactly that one. */
  readonly executable?: string;
  /** Vagrant's well-known private key (RSA, PEM), to be laid on the machines when `ssh.insecureKey` says so. */
  readonly insecureKey?: string;
}

/** One member of etcd, by its machine. */
export interface EtcdPeer {
  readonly name: string;
  readonly address: string;
}

/** How this node finds etcd's other members by a discovery service. */
export interface NodeDiscovery {
  /** The token's URL. */
  readonly url: string;
}
