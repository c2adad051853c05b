import type { Cordon, Machine, Placement, Refusal, Snapshot, Unit, UnitState } from "../model.ts";

/** One record of the registry that was written (`value`) or removed (no `value`). */
export type Change =
  | { readonly kind: "machine"; readonly id: string; readonly value: Machine | undefined }
  | { readonly kind: "unit"; readonly name: string; readonly value: Unit | undefined }
  | { readonly kind: "placement"; readonly unit: string; readonly value: Placement | undefined }
  | {
      readonly kind: "state";
      readonly machineID: string;
      readonly unit: string;
      readonly value: UnitState | undefined;
    }
  | {
      readonly kind: "metadata";
      readonly machineID: string;
      readonly key: string;
      /** Empty: hides what the machine came with. */
      readonly value: string | undefined;
    }
  | { readonly kind: "refusal"; readonly unit: string; readonly value: Refusal | undefined }
  | { readonly kind: "cordon"; readonly machineID: string; readonly value: Cordon | undefined }
  | {
      readonly kind: "leader";
      readonly value: string | undefined;
      /** Why the commit that wrote this released units, by their names. */
      readonly released?: Readonly<Record<string, string>>;
    };

/** Why units lost their places in one step: the engine says it beside, or the unit itself went. */
export function releasesIn(changes: readonly Change[]): ReadonlyMap<string, string> {
  return new Map(
    changes.flatMap((change) => {
      if (change.kind === "leader") return Object.entries(change.released ?? {});
      return change.kind === "unit" && change.value === undefined ? [[change.name, "unit destroyed"]] : [];
    }),
  );
}

/** Builds snapshots out of changes. */
export interface Replica {
  readonly revision: bigint;
  /**
   * Never changes once it was handed out: what a later change touches is copied first, and only when somebody has
   * looked since the last copy. Untouched parts are shared between snapshots, so `===` tells that nothing changed.
   */
  readonly snapshot: Snapshot;
  apply(changes: readonly Change[], revision: bigint): void;
  /** Forgets everything and starts anew from `changes`. */
  reset(changes: readonly Change[], revision: bigint): void;
}

type States = ReadonlyMap<string, UnitState>;

interface Parts {
  /** As they registered themselves. */
  readonly registered: Map<string, Machine>;
  /** What operators set, by machine. */
  readonly metadata: Map<string, ReadonlyMap<string, string>>;
  /** As everybody sees them: both of these together. */
  readonly machines: SharedMap<Machine>;
  readonly units: SharedMap<Unit>;
  readonly placements: SharedMap<Placement>;
  readonly states: SharedMap<States>;
  readonly refusals: SharedMap<Refusal>;
  readonly cordons: SharedMap<Cordon>;
  leader: string | undefined;
}

/** An empty replica at revision 0. */
export function createReplica(): Replica {
  let parts = emptyParts();
  let revision = 0n;
  let shown: Snapshot | undefined;
  return {
    get revision() {
      return revision;
    },
    get snapshot() {
      shown ??= show(parts, revision);
      return shown;
    },
    apply: (changes, at) => {
      for (const change of changes) applyOne(parts, change);
      if (changes.length > 0 || at !== revision) shown = undefined;
      revision = at;
    },
    reset: (changes, at) => {
      parts = emptyParts();
      for (const change of changes) applyOne(parts, change);
      revision = at;
      shown = undefined;
    },
  };
}

function emptyParts(): Parts {
  return {
    registered: new Map(),
    metadata: new Map(),
    machines: sharedMap(),
    units: sharedMap(),
    placements: sharedMap(),
    states: sharedMap(),
    refusals: sharedMap(),
    cordons: sharedMap(),
    leader: undefined,
  };
}

function show(parts: Parts, revision: bigint): Snapshot {
  return {
    revision,
    machines: parts.machines.share(),
    units: parts.units.share(),
    placements: parts.placements.share(),
    states: parts.states.share(),
    refusals: parts.refusals.share(),
    cordons: parts.cordons.share(),
    leader: parts.leader,
  };
}

function applyOne(parts: Parts, change: Change): void {
  switch (change.kind) {
    case "machine":
      if (change.value === undefined) parts.registered.delete(change.id);
      else parts.registered.set(change.id, change.value);
      return showMachine(parts, change.id);
    case "metadata":
      return applyMetadata(parts, change);
    case "unit":
      return parts.units.put(change.name, change.value);
    case "placement":
      return parts.placements.put(change.unit, change.value);
    case "refusal":
      return parts.refusals.put(change.unit, change.value);
    case "cordon":
      return parts.cordons.put(change.machineID, change.value);
    case "state":
      return applyState(parts.states, change);
    case "leader":
      parts.leader = change.value;
  }
}

function applyMetadata(parts: Parts, { machineID, key, value }: Change & { kind: "metadata" }): void {
  const set = new Map(parts.metadata.get(machineID));
  if (value === undefined) set.delete(key);
  else set.set(key, value);
  if (set.size === 0) parts.metadata.delete(machineID);
  else parts.metadata.set(machineID, set);
  showMachine(parts, machineID);
}

/** A machine with the metadata that it came with, and over them those that operators set. */
function showMachine({ registered, metadata, machines }: Parts, id: string): void {
  const machine = registered.get(id);
  const set = metadata.get(id);
  if (machine === undefined || set === undefined) return machines.put(id, machine);
  const merged = new Map([...Object.entries(machine.metadata), ...set]);
  const visible = [...merged].filter(([, value]) => value !== "");
  return machines.put(id, { ...machine, metadata: Object.fromEntries(visible) });
}

function applyState(states: SharedMap<States>, change: Change & { kind: "state" }): void {
  const ofUnit = new Map(states.get(change.unit));
  if (change.value === undefined) ofUnit.delete(change.machineID);
  else ofUnit.set(change.machineID, change.value);
  states.put(change.unit, ofUnit.size === 0 ? undefined : ofUnit);
}

interface SharedMap<T> {
  get(key: string): T | undefined;
  put(key: string, value: T | undefined): void;
  /** The map as it is now; the next `put` that changes something copies it first. */
  share(): ReadonlyMap<string, T>;
}

function sharedMap<T>(): SharedMap<T> {
  let map = new Map<string, T>();
  let shared = false;
  return {
    get: (key) => map.get(key),
    put: (key, value) => {
      if (value === undefined && !map.has(key)) return;
      if (shared) map = new Map(map);
      shared = false;
      if (value === undefined) map.delete(key);
      else map.set(key, value);
    },
    share: () => {
      shared = true;
      return map;
    },
  };
}
