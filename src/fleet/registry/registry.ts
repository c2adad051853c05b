import type { Cordon, Decision, DesiredState, Machine, Snapshot, Unit, UnitState } from "../model.ts";
import type { Change } from "./replica.ts";

export type { Decision } from "../model.ts";

/**
 * What the cluster remembers, as a port. The adapter keeps it in etcd v3; the in-memory twin behaves the same and one
 * contract suite holds both to it. Every call may throw E_ETCD (no answer, no quorum) or the signal's reason.
 */
export interface Registry {
  /** Follows the whole registry from one consistent read on, by watch; never polls. */
  follow(signal: AbortSignal): Promise<Mirror>;

  /** Creates the unit, or replaces its options (and desired state) when it exists. Gives the revision. */
  putUnit(unit: Unit, signal?: AbortSignal): Promise<bigint>;
  /** Undefined when there is no such unit. */
  setDesired(name: string, desired: DesiredState, signal?: AbortSignal): Promise<bigint | undefined>;
  /** Removes the unit, its placement and refusal. Undefined when there was none. */
  deleteUnit(name: string, signal?: AbortSignal): Promise<bigint | undefined>;

  /** Keeps a cordon until it is taken back; one that is there already stays as it is. Gives the revision. */
  cordon(cordon: Cordon, signal?: AbortSignal): Promise<bigint>;
  /** Undefined when the machine was not cordoned. */
  uncordon(machineID: string, signal?: AbortSignal): Promise<bigint | undefined>;

  /**
   * Changes metadata of machines, present or not, in one step. They outlive the machine's session and hide the metadata
   * that it came with; an empty text hides that too. Gives the revision.
   */
  setMetadata(changes: readonly MetadataChange[], signal?: AbortSignal): Promise<bigint>;
  /** Registers this machine under a lease of its own and keeps it alive. See Session. */
  join(request: JoinRequest, signal: AbortSignal): Promise<JoinResult>;
  /**
   * Keeps the lease of an earlier session alive, and does nothing else: for who finds a registry that a newer fleet has
   * taken over, where all other calls throw E_NOT_SUPPORTED. Undefined when that lease has ended.
   */
  hold(lease: HoldRequest, signal: AbortSignal): Promise<Hold | undefined>;
}

export interface HoldRequest {
  readonly leaseId: string;
  /** ms */
  readonly ttl: number;
}

/** A lease that is kept alive, whatever lives under it. */
export type Hold = Pick<Session, "lost" | "unbrokenSince" | "end">;

/** An up-to-date copy of the registry. It survives etcd trouble: then it is stale, and says so. */
export interface Mirror {
  readonly snapshot: Snapshot;
  /** False while the watch is broken; `snapshot` is then the last that was seen. */
  readonly fresh: boolean;
  /**
   * Tells this registry from one that was made anew after etcd had lost its data; undefined where an older fleet made it,
   * or somebody removed it.
   */
  readonly origin: string | undefined;
  /** How often the watch has broken so far. */
  readonly breaks: number;
  /** Resolves at the next change (of `snapshot` or `fresh`) after this call. */
  changed(signal: AbortSignal): Promise<void>;
  /**
   * Calls `listener` with each step that the registry takes, as soon as it is applied and before anybody who waits for
   * `changed` is woken; undefined when the copy was read anew, so that the steps are not known. Gives the way to stop.
   */
  onStep(listener: (changes: readonly Change[] | undefined, revision: bigint) => void): () => void;
  /** Resolves when `snapshot.revision` has reached `revision`: for reading one's own writes. */
  reached(revision: bigint, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A machine's metadata as operators set it, beside what it came with. */
export interface MetadataChange {
  readonly machineID: string;
  readonly key: string;
  /** Empty: the machine has no such metadata. */
  readonly value: string;
}

export interface JoinRequest {
  readonly machine: Machine;
  /** Lease time to live, ms; whole seconds. */
  readonly ttl: number;
  /**
   * From an earlier fleetd of this boot (see Session.leaseId), to resume it instead of starting anew. If that one led, its
   * term is over.
   */
  readonly resume?: { readonly leaseId: string };
}

/** `duplicate`: a live machine with the same id and another nonce exists; it is never pushed aside. */
export type JoinResult =
  | { readonly kind: "joined"; readonly session: Session; readonly resumed: boolean }
  | { readonly kind: "duplicate"; readonly machine: Machine };

/**
 * A machine's life in the registry: its lease and all that is written under it. When the lease is lost (`lost` aborts)
 * everything written under it is gone, and the owner joins again.
 */
export interface Session {
  readonly machineID: string;
  readonly leaseId: string;
  /** Aborts when the lease expired or was revoked. */
  readonly lost: AbortSignal;
  /** Monotonic time (ms) since when the lease has been kept without a gap longer than its time to live. */
  readonly unbrokenSince: number;

  /** Something says that the lease has ended: asks at once instead of at the next beat. */
  doubt(): void;
  updateMachine(machine: Machine, signal?: AbortSignal): Promise<void>;
  /** Publishes what systemd says of a unit on *this* machine. */
  putState(state: UnitState, signal?: AbortSignal): Promise<void>;
  /** Removes what this machine published of the unit; never another machine's. */
  deleteState(unit: string, signal?: AbortSignal): Promise<void>;

  /** Waits until this machine leads. The term ends when the session is lost or the term is resigned. */
  campaign(signal: AbortSignal): Promise<Term>;
  /**
   * Makes sure that no term of this session is left: for who does not stand for election, and cannot know whether a
   * campaign that was given up has won after all.
   */
  withdraw(signal?: AbortSignal): Promise<void>;

  /** Deletes all that is under the lease at once. Safe to call twice. */
  end(signal?: AbortSignal): Promise<void>;
}

/** One engine's time as leader. Every write is fenced: it fails with `deposed` when the term is over. */
export interface Term {
  readonly over: AbortSignal;
  /**
   * Carries the decisions out in one transaction per chunk, in order. Gives the revision of the last write, so that the
   * engine can wait until its mirror has reached it before it decides again; 0n when there was nothing to write. A
   * decision whose ground is gone (the unit was destroyed, `from` is not where the unit is) is skipped alone.
   */
  commit(decisions: readonly Decision[], signal?: AbortSignal): Promise<bigint | "deposed">;
  resign(signal?: AbortSignal): Promise<void>;
}
