/** The words of fleet's world, shared by every folder of src/fleet. Types only. */

/** One `name=value` line of a unit file, under its section. Order matters; names repeat. */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** What a unit shall be. Also the words of fleet's API. */
export type DesiredState = "inactive" | "loaded" | "launched";

/** A unit as users submitted it. The name never changes; the options may be replaced. */
export interface Unit {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly desired: DesiredState;
}

/** One running fleetd. */
export interface Machine {
  /** The trimmed content of /etc/machine-id: 32 hex digits. */
  readonly id: string;
  readonly publicIP: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** fleetd's version, e.g. `0.1.0`. */
  readonly version: string;
  /**
   * The version of the engine that stands for election there (`engineVersion`); 0: none does, or fleetd is from before
   * engines had versions.
   */
  readonly engine: number;
  /** The kernel's boot id: tells a restarted fleetd from a rebooted machine. */
  readonly bootId: string;
  /** Made once per boot and kept in /run: proves that a restarted fleetd is the same one. */
  readonly nonce: string;
  /** Set while the machine gives its units away: it takes no new ones, and those it has move. */
  readonly leaving: boolean;
  /**
   * The registry's revision at which the machine joined; filled in by the registry. Of two machines that are equally
   * loaded, the one that has been there longer is less likely to be the one that somebody is just restarting.
   */
  readonly joined: number;
}

/** What systemd says of one unit on one machine, as that machine published it. */
export interface UnitState {
  readonly unit: string;
  readonly machineID: string;
  /** SHA-1 (hex) of the canonical unit file that is loaded there. */
  readonly hash: string;
  /** systemd's LoadState, ActiveState and SubState. */
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** `loaded` or `launched`: what the agent has done, which is fleet's current state. */
  readonly reached: "loaded" | "launched";
}

/** The engine's decision that a unit belongs on a machine. Global units have none. */
export interface Placement {
  readonly unit: string;
  readonly machineID: string;
  /** Why here, in a sentence. */
  readonly reason: string;
}

/** Why a wanted unit has no machine: one line for each candidate that was refused, but not more than some. */
export interface Refusal {
  readonly unit: string;
  readonly reasons: readonly { readonly machineID: string; readonly why: string }[];
  /** How many machines more there are, refused as well. */
  readonly unlisted?: number | undefined;
  /** One sentence that sums it up. */
  readonly summary: string;
}

/**
 * A machine that shall have no units but global ones: it takes none, and those it has move. Kept until somebody takes it
 * back, whether the machine runs or not.
 */
export interface Cordon {
  readonly machineID: string;
  /** When it was asked for, ms since 1970. */
  readonly since: number;
}

/** Everything that the registry holds, at one revision. */
export interface Snapshot {
  readonly revision: bigint;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly units: ReadonlyMap<string, Unit>;
  /** By unit name. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** By unit name, then by machine id. */
  readonly states: ReadonlyMap<string, ReadonlyMap<string, UnitState>>;
  /** By unit name. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** By machine id; also of machines that are not registered. */
  readonly cordons: ReadonlyMap<string, Cordon>;
  /** The machine id of the leading engine. */
  readonly leader: string | undefined;
}

/**
 * What the engine writes. A unit that has a place is not placed again: it is released first, and `from` guards against a
 * placement that has changed meanwhile.
 */
export type Decision =
  | { readonly kind: "place"; readonly placement: Placement }
  | { readonly kind: "release"; readonly unit: string; readonly from: string; readonly reason: string }
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "forgive"; readonly unit: string };
