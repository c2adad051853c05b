import type { ClusterSpec, MachineSpec, ProviderName } from "../spec/model.ts";

/**
 * What makes machines, as a port: Vagrant (VirtualBox, libvirt), nspawn, hosts over SSH; and a fake. One contract suite
 * holds them all. A provider knows nothing of etcd, docker or fleet: it gets each node's cloud-config as a text.
 */
export interface Provider {
  readonly name: ProviderName;
  readonly capabilities: Capabilities;
  /** Whether this host can run it; never asks for rights, never changes anything. */
  check(cluster: ClusterPlan): Promise<readonly Lack[]>;
  /** Makes what machines need first: image, network, mirror, supervisor. Idempotent; reports as it goes. */
  prepare(cluster: ClusterPlan, report: Report, signal: AbortSignal): Promise<void>;
  /** Every machine that exists, whatever its state, by name. Must be quick (well below 0.2 s) and change nothing. */
  machines(cluster: ClusterRef): Promise<ReadonlyMap<string, MachineStatus>>;
  /** Makes the machine's disk and identity; it is stopped afterwards. Idempotent. */
  create(cluster: ClusterPlan, node: NodePlan, signal: AbortSignal): Promise<void>;
  /** Gives an existing machine new user-data, applied at its next boot. */
  provision(cluster: ClusterPlan, node: NodePlan, signal: AbortSignal): Promise<void>;
  /** Powers it on; returns when it is running, not when it is ready. Idempotent. */
  start(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
  /** A clean shutdown; returns when it is off. Idempotent. */
  halt(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
  /** A power cut: its processes die at once and its network is silent from that moment. Idempotent. */
  kill(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
  /** Removes the machine and its disk. Idempotent. */
  destroy(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
  /** Removes what `prepare` made for this cluster (not the cached image). Idempotent, also half-way. */
  dispose(cluster: ClusterRef, signal: AbortSignal): Promise<void>;
  /** Breaking machines from outside, with a promise to undo it; missing where the provider makes no such promise. */
  readonly outages?: Outages;
  /** The machine's console so far, line by line without line ends; `follow` goes on until the signal aborts. */
  console(cluster: ClusterRef, node: string, options: ConsoleOptions): AsyncIterable<string>;
}

/** What a provider does to a machine beside its power, and what it undoes by itself when nobody is left to ask for it. */
export interface Outages {
  /**
   * `start`: promises to power the machine on in `ttl` ms (cutting its power is up to the caller). `thaw`: the same for
   * letting it go on, and freezes it now: none of its processes moves any more. Returns when it is done.
   */
  hold(
    cluster: ClusterRef,
    hold: Omit<Hold, "until" | "active">,
    ttl: number,
    signal: AbortSignal,
  ): Promise<void>;
  /** Undoes it now; the promise is over. Idempotent. */
  release(cluster: ClusterRef, id: string, node: string, signal: AbortSignal): Promise<void>;
  /** Every promise that is not over. */
  holds(cluster: ClusterRef, signal: AbortSignal): Promise<readonly Hold[]>;
}

export type Undo = "start" | "thaw";

export interface Hold {
  /** Lower-case letters, digits and hyphens; with `node` it tells this hold from every other. */
  readonly id: string;
  readonly node: string;
  readonly undo: Undo;
  /** Wall-clock ms. */
  readonly until: number;
  /** Whether it can be seen right now: the machine is frozen. */
  readonly active: boolean;
}

/** Enough to find a cluster again. */
export interface ClusterRef {
  readonly name: string;
  /** The folder that holds cluster.yaml; absolute. */
  readonly dir: string;
  /** `DIR/.state`; absolute, 0700. */
  readonly stateDir: string;
}

export interface ClusterPlan extends ClusterRef {
  readonly spec: ClusterSpec;
  readonly machines: readonly MachineSpec[];
}

export interface NodePlan {
  readonly machine: MachineSpec;
  /** The whole `#cloud-config` document. */
  readonly userData: string;
  /** Stable for the life of the machine: 32 hex digits. */
  readonly machineId: string;
}

export interface MachineStatus {
  readonly state: "running" | "stopped";
  /** Where it can be reached from this host. */
  readonly address: string;
  /** Wall-clock ms when it last became `state`, if known. */
  readonly since?: number;
}

/** What faults and settings this provider can honour; what is false is refused or `unsupported`, never ignored. */
export interface Capabilities {
  /** `process`: the node's processes die at once; `guest`: a virtual machine loses its power. */
  readonly powerCut: "process" | "guest" | "none";
  readonly pause: boolean;
  readonly partition: boolean;
  readonly oneWayPartition: boolean;
  readonly clockStep: boolean;
  readonly diskFull: boolean;
  readonly memoryLimit: boolean;
  readonly cpuLimit: boolean;
}

/** Something that this host lacks, or that something else on it holds, and how to mend that. */
export interface Lack {
  /** The doctor's name of the same trouble, if it knows it: it is then told once. */
  readonly id?: string;
  readonly code: "E_HOST_LACKS" | "E_IN_USE" | "E_DISK_FULL";
  readonly what: string;
  readonly hint: string;
}

/** Tells the user what is going on inside a long step. */
export type Report = (message: string) => void;

export interface ConsoleOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal;
}
