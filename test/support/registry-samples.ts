import type { Machine, Snapshot, Unit, UnitState } from "../../src/fleet/model.ts";
import type { Decision, Mirror } from "../../src/fleet/registry/registry.ts";

export function aMachine(id: string, changes: Partial<Machine> = {}): Machine {
  return {
    id: id.padEnd(32, "0"),
    publicIP: "10.0.0.1",
    metadata: { region: "local" },
    version: "0.1.0",
    engine: 1,
    bootId: `boot-${id}`,
    nonce: `nonce-${id}`,
    joined: 0,
    leaving: false,
    ...changes,
  };
}

export function aUnit(name: string, changes: Partial<Unit> = {}): Unit {
  const options = [{ section: "Service", name: "ExecStart", value: `/bin/sleep ${name}` }];
  return { name, options, desired: "launched", ...changes };
}

export function aState(unit: string, machineID: string, active = "active"): UnitState {
  const hash = "0".repeat(40);
  return { unit, machineID, hash, load: "loaded", active, sub: "running", reached: "launched" };
}

/** The decision that a unit runs there. */
export const place = (unit: string, machineID: string): Decision => ({
  kind: "place",
  placement: { unit, machineID, reason: "it has the fewest units" },
});

/** Waits until the mirror shows what is looked for. */
export async function until(mirror: Mirror, look: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  const signal = AbortSignal.timeout(20_000);
  while (!look(mirror.snapshot)) await mirror.changed(signal);
  return mirror.snapshot;
}
