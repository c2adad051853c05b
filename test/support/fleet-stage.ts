import type { ManualClock } from "../../src/foundation/clock.ts";
import type { NodeAudit, RegistryRecord } from "../../src/failover/history/history.ts";
import type { RegistryReading, Stage } from "../../src/failover/stage/stage.ts";
import type { Snapshot, Unit } from "../../src/fleet/model.ts";
import type { MemoryRegistry } from "../../src/fleet/registry/memory.ts";
import { FleetCluster, lookEvery, nameOf } from "./fleet-cluster.ts";
import { inMemory } from "./in-memory.ts";

/** What happens to the cluster beside the scenario. */
export interface FleetStageOptions {
  readonly units: readonly Unit[];
  /** Between these times (ms) etcd has no quorum. */
  readonly etcdTrouble?: readonly [from: number, to: number];
  /** At this time (ms) every lease is gone at once, though every machine is well. */
  readonly leasesLostAt?: number;
}

/**
 * Fleet itself, as a stage: the real engine and the real agents on three machines, above the twins of etcd and systemd, in
 * time that a test moves. A mistake in fleet shows here as it would on real machines, in a second.
 */
export function fleetStage(clock: ManualClock, options: FleetStageOptions): Stage {
  const cluster = new FleetCluster(clock);
  const { registry } = cluster;
  const isOn = (name: string): boolean => cluster.node(name).on;
  void trouble(clock, registry, options);
  return {
    ...inMemory,
    nodes: cluster.names,
    startServices: async (_files, signal) => {
      await clock.sleep(1_000, signal);
      for (const unit of options.units) await cluster.node("core-01").client.putUnit(unit);
    },
    stopServices: async (units) => {
      for (const unit of units) await cluster.node("core-01").client.setDesired(unit, "inactive");
    },
    // Nobody has a shell here.
    run: async (name) => (isOn(name) ? { code: 0, stdout: "", stderr: "" } : undefined),
    cut: (name) => cluster.cut(name),
    halt: (name) => cluster.halt(name),
    powerOn: (name, signal) => cluster.powerOn(name, signal),
    vital: async (name) => ({ running: isOn(name), answers: isOn(name) }),
    machinesSeenBy: async (name) => (isOn(name) ? [...registry.snapshot.machines.keys()] : undefined),
    leaders: async () => ({ etcd: undefined, engine: nameOf(registry.snapshot.leader) }),
    watch: (name, units, signal) => cluster.node(name).samples(units, signal),
    registry: async function* (name, signal) {
      for (let last = -1n; isOn(name) && !signal.aborted; await clock.sleep(lookEvery, signal)) {
        const { snapshot } = registry;
        if (snapshot.revision !== last) yield readingOf(snapshot);
        last = snapshot.revision;
      }
    },
    audit: async (name) => {
      if (!isOn(name)) return undefined;
      const { snapshot } = registry;
      const active = await cluster.node(name).active(options.units.map((unit) => unit.name));
      return auditOf(name, snapshot, active.map(containerOf));
    },
    close: () => cluster.close(),
  };
}

async function trouble(
  clock: ManualClock,
  registry: MemoryRegistry,
  { etcdTrouble, leasesLostAt }: FleetStageOptions,
): Promise<void> {
  if (leasesLostAt !== undefined) {
    await clock.sleep(leasesLostAt);
    registry.expire();
  }
  if (etcdTrouble === undefined) return;
  await clock.sleep(etcdTrouble[0]);
  registry.stop();
  await clock.sleep(etcdTrouble[1] - etcdTrouble[0]);
  registry.start();
}

const containerOf = (unit: string): string => unit.replace(".service", "");

/** A unit that runs a container named like itself, with lines of its [X-Fleet] section. */
export function containerUnit(name: string, lines: readonly string[] = []): Unit {
  const command = `/usr/bin/docker run --name ${containerOf(name)} busybox`;
  return {
    name,
    desired: "launched",
    options: [
      { section: "Service", name: "ExecStart", value: command },
      ...lines.map((line) => {
        const [key = "", value = ""] = line.split("=");
        return { section: "X-Fleet", name: key, value };
      }),
    ],
  };
}

function auditOf(node: string, { units, states }: Snapshot, containers: readonly string[]): NodeAudit {
  return {
    node,
    containers,
    units: [...units.values()].map(({ name: unit, desired }) => ({ unit, desired })),
    states: statesIn(states),
  };
}

function readingOf(snapshot: Snapshot): RegistryReading {
  return { revision: Number(snapshot.revision), whole: true, changes: recordsOf(snapshot) };
}

function recordsOf({ machines, leader, placements, states, units }: Snapshot): RegistryRecord[] {
  return [
    ...[...machines.keys()].map((id) => ({ type: "machine" as const, machine: named(id), present: true })),
    ...(leader === undefined ? [] : [{ type: "leader" as const, machine: named(leader) }]),
    ...[...placements.values()].map(({ unit, machineID }) => ({
      type: "placement" as const,
      unit,
      machine: named(machineID),
    })),
    ...statesIn(states).map((state) => ({ type: "state" as const, ...state })),
    ...[...units.values()].map(({ name, desired, options }) => ({
      type: "unit" as const,
      unit: name,
      desired,
      options: options.map((option) => `${option.section}/${option.name}=${option.value}`),
    })),
  ];
}

const statesIn = (states: Snapshot["states"]): { unit: string; machine: string; active: string }[] =>
  [...states.values()]
    .flatMap((byMachine) => [...byMachine.values()])
    .map(({ unit, machineID, active }) => ({ unit, machine: named(machineID), active }));

const named = (id: string): string => nameOf(id) ?? id;
