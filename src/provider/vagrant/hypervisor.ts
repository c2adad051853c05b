import type { ClusterPlan, ClusterRef, Lack, Report } from "../provider.ts";

/** What differs between the hypervisors that Vagrant drives. All of it is quick: no Ruby is started. */
export interface Hypervisor {
  readonly name: "libvirt" | "virtualbox";
  /** What of it this host lacks. */
  check(cluster: ClusterPlan): Promise<readonly Lack[]>;
  /** What machines need before the first is made. Idempotent. */
  prepare(cluster: ClusterPlan, report: Report, signal: AbortSignal): Promise<void>;
  /** The ids of all machines on this host, and of those whose power is on. */
  look(): Promise<Inventory>;
  /** A power cut. */
  powerOff(id: string, signal: AbortSignal): Promise<void>;
  /** Takes away what `prepare` made. Idempotent. */
  dispose(cluster: ClusterRef, signal: AbortSignal): Promise<void>;
  /** Whether machines can be made side by side; else their imports follow one another. */
  readonly parallel: boolean;
}

export interface Inventory {
  readonly known: ReadonlySet<string>;
  readonly running: ReadonlySet<string>;
}
