import { createLife, type Life } from "../../src/bin/fleetd-life.ts";
import type { ManualClock } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { RegistryRecord } from "../../src/failover/history/history.ts";
import type { Sample, Stage } from "../../src/failover/stage/stage.ts";
import { createEngine } from "../../src/fleet/engine/engine.ts";
import type { Machine, Snapshot, Unit } from "../../src/fleet/model.ts";
import {
  createMemoryRegistry,
  type MemoryClient,
  type MemoryRegistry,
} from "../../src/fleet/registry/memory.ts";
import { createMemorySystemd, type MemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aMachine } from "./fleet-world.ts";

/** What happens to the cluster beside the scenario. */
export interface FleetStageOptions {
  readonly units: readonly Unit[];
  /** Between these times (ms) etcd has no quorum. */
  readonly etcdTrouble?: readonly [from: number, to: number];
  /** At this time (ms) every lease is gone at once, though every machine is well. */
  readonly leasesLostAt?: number;
}

const ttl = 4_000;
const lookEvery = 20;
/** Between two machines that join because of the same event, ms. */
const joinsApart = 300;
const names = ["core-01", "core-02", "core-03"];

/**
 * Fleet itself, as a stage: the real engine and the real agents on three machines, above the twins of etcd and systemd, in
 * time that a test moves. A mistake in fleet shows here as it would on real machines, in a second.
 */
export function fleetStage(clock: ManualClock, options: FleetStageOptions): Stage {
  const registry = createMemoryRegistry({ clock });
  const nodes = new Map(names.map((name, index) => [name, new Node(name, index, clock, registry)]));
  const nodeOf = (name: string): Node => {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`there is no machine ${name}`);
    return node;
  };
  const running = (): Node[] => [...nodes.values()].filter(({ on }) => on);
  const keepQuorum = (): void => (running().length * 2 > names.length ? registry.start() : registry.stop());
  for (const node of nodes.values()) node.boot();
  void trouble(clock, registry, options);
  return {
    cluster: "imagined",
    provider: "memory",
    nodes: names,
    patience: 1,
    capabilities: {
      powerCut: "process",
      pause: false,
      partition: false,
      oneWayPartition: false,
      clockStep: false,
      diskFull: false,
      memoryLimit: false,
      cpuLimit: false,
    },
    startServices: async (_files, signal) => {
      await clock.sleep(1_000, signal);
      for (const unit of options.units) await nodeOf("core-01").client.putUnit(unit);
    },
    address: (name) => name,
    stopServices: async (units) => {
      for (const unit of units) await nodeOf("core-01").client.setDesired(unit, "inactive");
    },
    // Nobody has a shell here.
    run: async (name) => (nodeOf(name).on ? { code: 0, stdout: "", stderr: "" } : undefined),
    prepare: async () => undefined,
    outages: undefined,
    cut: async (name) => {
      await nodeOf(name).cut();
      keepQuorum();
    },
    halt: async (name) => {
      await nodeOf(name).halt();
      keepQuorum();
    },
    powerOn: async (name, signal) => {
      await clock.sleep(1_000, signal);
      nodeOf(name).boot();
      keepQuorum();
    },
    vital: async (name) => ({ running: nodeOf(name).on, answers: nodeOf(name).on }),
    machinesSeenBy: async (name) => (nodeOf(name).on ? [...registry.snapshot.machines.keys()] : undefined),
    leaders: async () => ({ etcd: undefined, engine: nameOf(registry.snapshot.leader) }),
    watch: (name, units, signal) => nodeOf(name).samples(units, signal),
    registry: async function* (name, signal) {
      let last = -1n;
      while (nodeOf(name).on && !signal.aborted) {
        const { snapshot } = registry;
        if (snapshot.revision !== last) {
          yield { revision: Number(snapshot.revision), whole: true, changes: recordsOf(snapshot) };
        }
        last = snapshot.revision;
        await clock.sleep(lookEvery, signal);
      }
    },
    audit: async (name) => {
      const node = nodeOf(name);
      if (!node.on) return undefined;
      const { units, states } = registry.snapshot;
      return {
        node: name,
        containers: await node.active(options.units.map(({ name: unit }) => unit)),
        units: [...units.values()].map(({ name: unit, desired }) => ({ unit, desired })),
        states: [...states.values()].flatMap((byMachine) =>
          [...byMachine.values()].map(({ unit, machineID, active }) => ({
            unit,
            machine: nameOf(machineID) ?? machineID,
            active,
          })),
        ),
      };
    },
    close: async () => {
      for (const node of nodes.values()) await node.cut();
    },
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

const idOf = (index: number): string => String(index + 1).repeat(32);
const nameOf = (id: string | undefined): string | undefined => names[Number(id?.slice(0, 1)) - 1];

/** One machine: what dies with its power is made anew at each boot. */
class Node {
  readonly name: string;
  readonly #index: number;
  readonly #clock: ManualClock;
  readonly #registry: MemoryRegistry;
  client: MemoryClient;
  #systemd: MemorySystemd;
  #life: Life | undefined;
  #boots = 0;
  #joins = 0;

  constructor(name: string, index: number, clock: ManualClock, registry: MemoryRegistry) {
    this.name = name;
    this.#index = index;
    this.#clock = clock;
    this.#registry = registry;
    this.client = registry.client();
    this.#systemd = createMemorySystemd({ clock });
  }

  get on(): boolean {
    return this.#life !== undefined;
  }

  boot(): void {
    this.#boots += 1;
    const boot = `boot ${this.#boots}`;
    const machine: Machine = aMachine(idOf(this.#index), { bootId: boot, nonce: `${this.name} ${boot}` });
    const [clock, log] = [this.#clock, silentLog()];
    const engine = createEngine({ clock, log, ttl });
    this.client = this.#registry.client();
    this.#systemd = createMemorySystemd({ clock });
    this.#life = createLife({
      machine,
      registry: this.#slowly(this.client),
      systemd: this.#systemd,
      runEngine: (session, mirror, signal) => engine.run(session, mirror, signal),
      ttl,
      leaseId: undefined,
      keepLease: async () => undefined,
      onReady: () => undefined,
      clock,
      log,
    });
    void this.#life.run().catch(() => undefined);
  }

  /** Machines do not all come at the same moment; the one that was there first is the last to come back. */
  #slowly(client: MemoryClient): MemoryClient {
    const before = this.#index * joinsApart;
    const after = (names.length - this.#index) * joinsApart;
    return {
      ...client,
      join: async (request, signal) => {
        await this.#clock.sleep(this.#joins++ === 0 ? before : after, signal);
        return await client.join(request, signal);
      },
    };
  }

  async cut(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await this.client.close();
    await life?.suspend();
  }

  async halt(): Promise<void> {
    const life = this.#life;
    await life?.leave();
    // Whatever fleet did not stop runs until the shutdown comes to it.
    await this.#clock.sleep(2_000);
    this.#life = undefined;
    await this.client.close();
  }

  async active(units: readonly string[]): Promise<string[]> {
    const found = [];
    for (const unit of units) {
      if ((await this.#systemd.status(unit)).active === "active") found.push(containerOf(unit));
    }
    return found;
  }

  async *samples(units: readonly string[], signal: AbortSignal): AsyncGenerator<Sample> {
    const last = new Map<string, string>();
    const systemd = this.#systemd;
    while (this.on && systemd === this.#systemd && !signal.aborted) {
      for (const unit of units) {
        const { active, sub } = await systemd.status(unit);
        const starts = systemd.calls.filter((call) => call === `start ${unit}`).length;
        const sample = { unit, active, sub, invocation: `${this.#boots} ${starts}` };
        if (last.get(unit) !== JSON.stringify(sample)) yield sample;
        last.set(unit, JSON.stringify(sample));
      }
      await this.#clock.sleep(lookEvery, signal);
    }
  }
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

function recordsOf({ machines, leader, placements, states, units }: Snapshot): RegistryRecord[] {
  const named = (id: string): string => nameOf(id) ?? id;
  return [
    ...[...machines.keys()].map((id) => ({ type: "machine" as const, machine: named(id), present: true })),
    ...(leader === undefined ? [] : [{ type: "leader" as const, machine: named(leader) }]),
    ...[...placements.values()].map(({ unit, machineID }) => ({
      type: "placement" as const,
      unit,
      machine: named(machineID),
    })),
    ...[...states.values()].flatMap((byMachine) =>
      [...byMachine.values()].map(({ unit, machineID, active }) => ({
        type: "state" as const,
        unit,
        machine: named(machineID),
        active,
      })),
    ),
    ...[...units.values()].map(({ name, desired, options }) => ({
      type: "unit" as const,
      unit: name,
      desired,
      options: options.map((option) => `${option.section}/${option.name}=${option.value}`),
    })),
  ];
}
