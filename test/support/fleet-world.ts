import type {
  Cordon,
  Decision,
  Machine,
  Placement,
  Refusal,
  Snapshot,
  Unit,
  UnitOption,
  UnitState,
} from "../../src/fleet/model.ts";
import { type Schedule, schedule } from "../../src/fleet/schedule/schedule.ts";
import { globalsFor } from "../../src/fleet/unit/fit.ts";
import { requirementsOf } from "../../src/fleet/unit/requirements.ts";

/** A machine for tests; the id may be short. */
export function aMachine(id: string, changes: Partial<Machine> = {}): Machine {
  return {
    id,
    publicIP: "192.0.2.1",
    metadata: {},
    version: "0.1.0",
    engine: 1,
    bootId: "boot",
    nonce: "nonce",
    joined: 0,
    leaving: false,
    ...changes,
  };
}

/** A unit for tests, wanted `launched`, with lines of its [X-Fleet] section such as `Conflicts=a*`. */
export function aUnit(name: string, lines: readonly string[] = [], changes: Partial<Unit> = {}): Unit {
  return { name, options: lines.map(xFleet), desired: "launched", ...changes };
}

function xFleet(line: string): UnitOption {
  const equals = line.indexOf("=");
  return { section: "X-Fleet", name: line.slice(0, equals), value: line.slice(equals + 1) };
}

/** A snapshot of nothing but what is given. */
export function aSnapshot(parts: Partial<Snapshot> = {}): Snapshot {
  return {
    revision: 1n,
    machines: new Map(),
    units: new Map(),
    placements: new Map(),
    states: new Map(),
    refusals: new Map(),
    cordons: new Map(),
    leader: undefined,
    ...parts,
  };
}

/** What was decided on which ground, and what the agents then did. */
export interface Round {
  readonly before: Snapshot;
  readonly decisions: readonly Decision[];
  readonly done: readonly string[];
}

/**
 * A whole cluster in memory, without time: decisions are carried out as the registry would, and agents start and stop
 * what they are told unless they are slow.
 */
export class FleetWorld {
  readonly machines = new Map<string, Machine>();
  /** Machines believed gone. */
  readonly gone = new Set<string>();
  /** Machines whose agents do nothing for now. */
  readonly slow = new Set<string>();
  readonly units = new Map<string, Unit>();
  readonly placements = new Map<string, Placement>();
  readonly refusals = new Map<string, Refusal>();
  readonly cordons = new Map<string, Cordon>();
  readonly states = new Map<string, Map<string, UnitState>>();

  snapshot(): Snapshot {
    return aSnapshot({
      machines: new Map(this.machines),
      units: new Map(this.units),
      placements: new Map(this.placements),
      refusals: new Map(this.refusals),
      cordons: new Map(this.cordons),
      states: new Map([...this.states].map(([unit, states]) => [unit, new Map(states)])),
    });
  }

  plan(): Schedule {
    return schedule({ snapshot: this.snapshot(), gone: this.gone });
  }

  apply(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      if (decision.kind === "place") this.placements.set(decision.placement.unit, decision.placement);
      else if (decision.kind === "release") this.placements.delete(decision.unit);
      else if (decision.kind === "refuse") this.refusals.set(decision.refusal.unit, decision.refusal);
      else this.refusals.delete(decision.unit);
    }
  }

  /** Lets every agent that is not slow do what the registry says. Gives one line for each thing done. */
  act(): string[] {
    return [...this.machines.values()]
      .filter(({ id }) => !this.slow.has(id))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .flatMap((machine) => this.#actOn(machine));
  }

  /** Plans, applies and acts until nothing more happens; `see` is told each plan and each thing done. */
  settle(see: (round: Round) => void = () => undefined): void {
    for (let round = 0; round < 50; round++) {
      const before = this.snapshot();
      const { decisions } = this.plan();
      this.apply(decisions);
      const done = this.act();
      see({ before, decisions, done });
      if (decisions.length === 0 && done.length === 0) return;
    }
    throw new Error("the cluster does not settle");
  }

  /** The machine is no longer registered, and what it published went with its lease. */
  vanish(id: string): void {
    this.machines.delete(id);
    for (const [unit, states] of this.states) {
      states.delete(id);
      if (states.size === 0) this.states.delete(unit);
    }
  }

  destroy(unit: string): void {
    this.units.delete(unit);
    this.placements.delete(unit);
    this.refusals.delete(unit);
  }

  #actOn(machine: Machine): string[] {
    const wanted = this.#wantedOn(machine);
    const done: string[] = [];
    for (const [unit, states] of this.states) {
      if (!states.has(machine.id) || wanted.has(unit)) continue;
      states.delete(machine.id);
      if (states.size === 0) this.states.delete(unit);
      done.push(`${machine.id} stops ${unit}`);
    }
    for (const unit of [...wanted].sort()) {
      if (this.states.get(unit)?.has(machine.id) === true) continue;
      this.publish(unit, machine.id);
      done.push(`${machine.id} starts ${unit}`);
    }
    return done.sort();
  }

  publish(unit: string, machineID: string): void {
    const states = this.states.get(unit) ?? new Map<string, UnitState>();
    const systemd = { load: "loaded", active: "active", sub: "running" };
    states.set(machineID, { unit, machineID, hash: "", ...systemd, reached: "launched" });
    this.states.set(unit, states);
  }

  #wantedOn(machine: Machine): Set<string> {
    const placed = [...this.placements.values()].filter(({ machineID }) => machineID === machine.id);
    const requiring = [...this.units.values()].map((unit) => ({
      ...unit,
      requirements: requirementsOf(unit),
    }));
    const here = requiring.filter(({ name }) => placed.some(({ unit }) => unit === name));
    const globals = requiring.filter(
      ({ desired, requirements }) => requirements.global && desired !== "inactive",
    );
    const taken = globalsFor(machine.metadata, globals, here);
    return new Set([...placed.map(({ unit }) => unit), ...taken.map(({ name }) => name)]);
  }
}
