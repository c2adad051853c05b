import type { Snapshot } from "../model.ts";
import { releasesIn, type Change } from "../registry/replica.ts";

/** One line of the event stream: what happened, at which revision of the registry. */
export interface FleetEvent {
  readonly kind:
    | "ready"
    | "reset"
    | "registry"
    | "machine"
    | "metadata"
    | "unit"
    | "decision"
    | "state"
    | "leader"
    | "cordon";
  readonly revision: bigint;
  /** Absent: concerns no unit. */
  readonly unit?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Turns changes of records into what they mean, which takes knowing what was there before. */
export interface Reader {
  restart(snapshot: Snapshot): void;
  read(changes: readonly Change[], revision: bigint): FleetEvent[];
}

/** @param snapshot what is there now: only what differs from it is news */
export function createReader(snapshot: Snapshot): Reader {
  let known = knownIn(snapshot);
  const read = (change: Change, releases: ReadonlyMap<string, string>): Said | undefined => {
    switch (change.kind) {
      case "machine":
        return machineEvent(change, known.machines);
      case "placement":
        return placementEvent(change, known.places, releases.get(change.unit));
      case "leader": {
        // The leader writes its record anew with each of its commits.
        if (change.value === known.leader) return undefined;
        known.leader = change.value;
        return { kind: "leader", data: { machineID: change.value } };
      }
      default:
        return eventOf(change);
    }
  };
  return {
    restart: (now) => {
      known = knownIn(now);
    },
    read: (changes, revision) => {
      const releases = releasesIn(changes);
      return changes.flatMap((change) => {
        const event = read(change, releases);
        return event === undefined ? [] : [{ ...event, revision }];
      });
    },
  };
}

type Said = Omit<FleetEvent, "revision">;

/** What was there before, as far as it matters. */
interface Known {
  readonly machines: Set<string>;
  /** The machine of each placed unit. */
  readonly places: Map<string, string>;
  leader: Snapshot["leader"];
}

function knownIn({ machines, placements, leader }: Snapshot): Known {
  return {
    machines: new Set(machines.keys()),
    places: new Map([...placements].map(([unit, { machineID }]) => [unit, machineID])),
    leader,
  };
}

function machineEvent({ id, value }: Change & { kind: "machine" }, machines: Known["machines"]): Said {
  const known = machines.has(id);
  if (value === undefined) machines.delete(id);
  else machines.add(id);
  const what = value === undefined ? "left" : known ? "changed" : "joined";
  const { publicIP, version } = value ?? {};
  return { kind: "machine", data: { machineID: id, change: what, primaryIP: publicIP, version } };
}

function placementEvent(
  { unit, value }: Change & { kind: "placement" },
  places: Known["places"],
  why: string | undefined,
): Said {
  const from = places.get(unit);
  if (value === undefined) places.delete(unit);
  else places.set(unit, value.machineID);
  const data =
    value === undefined
      ? { decision: "released", unit, machineID: from, reason: why }
      : { decision: "placed", unit, machineID: value.machineID, reason: value.reason };
  return { kind: "decision", unit, data };
}

type Plain = Extract<Change, { kind: "unit" | "metadata" | "refusal" | "state" | "cordon" }>;

/** What needs no knowing of the past. */
function eventOf(change: Plain): Said {
  switch (change.kind) {
    case "unit": {
      const { name: unit, value } = change;
      const data =
        value === undefined
          ? { unit, change: "destroyed" }
          : { unit, change: "written", desiredState: value.desired };
      return { kind: "unit", unit, data };
    }
    case "cordon": {
      const { machineID, value } = change;
      return { kind: "cordon", data: { machineID, change: value === undefined ? "uncordoned" : "cordoned" } };
    }
    case "metadata": {
      const { machineID, key, value } = change;
      return { kind: "metadata", data: { machineID, key, value } };
    }
    case "refusal": {
      const { unit, value } = change;
      const data =
        value === undefined
          ? { decision: "forgiven", unit }
          : { decision: "refused", unit, reason: value.summary, reasons: value.reasons };
      return { kind: "decision", unit, data };
    }
    case "state": {
      const { unit, machineID, value } = change;
      const says = value && {
        load: value.load,
        active: value.active,
        sub: value.sub,
        hash: value.hash,
        reached: value.reached,
      };
      return {
        kind: "state",
        unit,
        data: { unit, machineID, change: value === undefined ? "gone" : "published", ...says },
      };
    }
  }
}
