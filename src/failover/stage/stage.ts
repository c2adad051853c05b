import type { NodeAudit, RegistryRecord } from "../history/history.ts";
import type { Capabilities, Hold, Undo } from "../../provider/provider.ts";

/**
 * The cluster as a scenario sees it, as a port: what can be broken, and what can be observed. The adapter stands on
 * lifecycle and ssh; the twin in memory serves the tests of the runner.
 */
export interface Stage {
  readonly cluster: string;
  readonly provider: string;
  readonly capabilities: Capabilities;
  /** How many times longer than a container a machine may take for anything; 1 for containers. */
  readonly patience: number;
  readonly nodes: readonly string[];
  /** The machine's address in the cluster's network. */
  address(node: string): string;
  /** Has units submitted and started: files relative to cluster.yaml, or names that fleet knows. */
  startServices(units: readonly string[], signal: AbortSignal): Promise<void>;
  /** Has fleet stop units. */
  stopServices(units: readonly string[], signal: AbortSignal): Promise<void>;
  /** Runs lines of sh on a machine as root; undefined when it does not answer within `within` ms. */
  run(node: string, script: string, options: RunOptions): Promise<Ran | undefined>;
  /** Makes the next `run` of just these lines there a quick one, if it can. Runs nothing of them. */
  prepare(node: string, script: string, options: RunOptions): Promise<void>;
  /** Cuts the power of a machine. */
  cut(node: string, signal: AbortSignal): Promise<void>;
  /** Shuts a machine down cleanly. */
  halt(node: string, signal: AbortSignal): Promise<void>;
  /** Gives it power again; returns when it has booted so far that it answers. */
  powerOn(node: string, signal: AbortSignal): Promise<void>;
  /** What the provider undoes by itself; undefined when it promises nothing of the kind. */
  readonly outages: StageOutages | undefined;
  /** Whether the machine runs, by the hypervisor, and whether anything answers at its address. */
  vital(node: string, signal: AbortSignal): Promise<{ readonly running: boolean; readonly answers: boolean }>;
  /** The machines that fleet lists, asked on that node; undefined when it does not answer. */
  machinesSeenBy(node: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** The names of the machines that lead etcd and fleet's engine, as far as anyone can tell. */
  leaders(
    signal: AbortSignal,
  ): Promise<{ readonly etcd: string | undefined; readonly engine: string | undefined }>;
  /**
   * What the node's own systemd says of the units: all of them at first, then each change. Ends when the node is lost;
   * throws when it cannot be reached at all.
   */
  watch(node: string, units: readonly string[], signal: AbortSignal): AsyncIterable<Sample>;
  /**
   * What fleet has written into etcd, as that machine's etcd tells it: everything at first, then each change. Ends or
   * throws when the machine is lost or its etcd has no quorum at first.
   */
  registry(node: string, signal: AbortSignal): AsyncIterable<RegistryReading>;
  /** Asks one machine what runs there and what its fleet says; undefined when it does not answer. */
  audit(node: string, signal: AbortSignal): Promise<NodeAudit | undefined>;
  close(): Promise<void>;
}

export interface RegistryReading {
  readonly revision: number;
  /** True when `changes` is all that the registry holds at `revision`: what is not among them is gone. */
  readonly whole: boolean;
  readonly changes: readonly RegistryRecord[];
}

export interface RunOptions {
  /** ms */
  readonly within: number;
  readonly signal: AbortSignal;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** See `Outages` of src/provider: the same for this cluster. */
export interface StageOutages {
  hold(
    hold: { readonly id: string; readonly node: string; readonly undo: Undo },
    ttl: number,
    signal: AbortSignal,
  ): Promise<void>;
  release(id: string, node: string, signal: AbortSignal): Promise<void>;
  holds(signal: AbortSignal): Promise<readonly Hold[]>;
}

export interface Sample {
  readonly unit: string;
  readonly active: string;
  readonly sub: string;
  readonly invocation: string;
}
