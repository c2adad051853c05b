/** The keys of one cluster: made once before the first boot, kept in its state, given to the pure renderers. */
export interface ClusterKeys {
  /** The person at the host; the private half never leaves it. */
  readonly operator: KeyPair;
  /** The nodes among themselves; authorised only from the cluster's own subnet. */
  readonly nodes: KeyPair;
  /** Each machine's ssh host key (ed25519), by machine name. */
  readonly hosts: Readonly<Record<string, KeyPair>>;
  /** etcd's initial-cluster-token: tells this cluster from an older one of the same name. */
  readonly etcdToken: string;
}

/** OpenSSH formats: the private key as PEM text, the public key as `type base64 comment`. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}
