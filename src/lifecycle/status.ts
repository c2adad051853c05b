import type { SshConnection } from "../foundation/ssh.ts";
import type { KnownCluster, World } from "./cluster.ts";
import { fleetOver, type FleetView } from "./access/fleet-view.ts";
import { readLogin, type Login } from "./state/keys.ts";
import { nodeTarget, type NodeTarget } from "./access/node-access.ts";
import { conditionOf } from "./state/condition.ts";
import { probeNode, type LayerState } from "./ready/probe.ts";
import type { MachineState } from "./state/state.ts";

/** The whole cluster at one moment: what `cluster status` shows (and, as JSON, its schema). */
export interface ClusterStatus {
  readonly cluster: string;
  readonly provider: string;
  /** False when anything below is not as it should be. */
  readonly healthy: boolean;
  /** What is not as it should be, a sentence each. */
  readonly problems: readonly string[];
  /** What one should know although nothing is wrong, a sentence each. */
  readonly notes: readonly string[];
  readonly machines: readonly MachineReport[];
  /** What fleet has been asked to run; undefined when no fleet answers. */
  readonly units: readonly UnitReport[] | undefined;
}

export interface MachineReport {
  readonly name: string;
  readonly address: string;
  readonly machineId: string;
  readonly etcdMember: boolean;
  readonly state: "running" | "stopped" | "absent" | "half-made";
  /** Empty unless it runs. */
  readonly layers: readonly LayerState[];
}

export interface UnitReport {
  readonly unit: string;
  readonly desired: string;
  /** The name of the machine (or its id, when it is not one of ours); undefined when it runs nowhere. */
  readonly machine: string | undefined;
  readonly active: string;
  readonly sub: string;
}

/** Looks at everything side by side; quick, and changes nothing. */
export async function clusterStatus(world: World, cluster: KnownCluster): Promise<ClusterStatus> {
  const { state, provider, ref } = cluster;
  const seen = await provider.machines(ref);
  const known = Object.entries(state.machines).filter(([, { removed }]) => removed !== true);
  const login = await readLogin(ref.stateDir);
  const running = known.filter(([name, machine]) => conditionOf(machine, seen.get(name)) === "running");
  const [reader] = running.map(([name]) => name);
  const target = (name: string, { address }: MachineState): NodeTarget => nodeTarget(provider, name, address);
  const looks = await Promise.all(
    known.map(async ([name, machine]) => {
      const condition = conditionOf(machine, seen.get(name));
      return await lookAt(world, login, {
        target: target(name, machine),
        machine,
        condition,
        readFleet: name === reader,
      });
    }),
  );
  const machines = looks.map(({ machine }) => machine);
  const view =
    looks.find(({ fleet }) => fleet !== undefined)?.fleet ??
    (await askOthers(
      world,
      login,
      running.slice(1).map(([name, machine]) => target(name, machine)),
      machines,
    ));
  const units = view === undefined ? undefined : unitReports(view, machines);
  const problems = [...machines.flatMap(machineProblems), ...fleetProblems(view, units, machines)];
  return {
    cluster: state.name,
    provider: state.provider,
    healthy: problems.length === 0,
    problems,
    notes: looks.flatMap(({ machine: { name }, notes }) => notes.map((note) => `${name}: ${note}`)),
    machines,
    units,
  };
}

interface Look {
  readonly target: NodeTarget;
  readonly machine: MachineState;
  readonly condition: MachineReport["state"];
  /** One machine's fleet knows everything; asking all of them would only take longer. */
  readonly readFleet: boolean;
}

async function lookAt(
  world: World,
  login: Login,
  { target, machine, condition, readFleet }: Look,
): Promise<{
  readonly machine: MachineReport;
  readonly notes: readonly string[];
  readonly fleet: FleetView | undefined;
}> {
  const { address, machineId, etcdMember } = machine;
  const report = { name: target.name, address, machineId, etcdMember, state: condition };
  if (condition !== "running") return { machine: { ...report, layers: [] }, notes: [], fleet: undefined };
  const probe = await probeNode(world, target, login, readFleet ? fleetBehind(target) : undefined);
  return { machine: { ...report, layers: probe.layers }, notes: probe.notes, fleet: probe.extra };
}

/** The view of the first whose fleet was well a moment ago. */
async function askOthers(
  world: World,
  login: Login,
  running: readonly NodeTarget[],
  machines: readonly MachineReport[],
): Promise<FleetView | undefined> {
  for (const target of running) {
    const layers = machines.find((machine) => machine.name === target.name)?.layers ?? [];
    if (!layers.some(({ layer, ok }) => layer === "fleet" && ok)) continue;
    const { extra } = await probeNode(world, target, login, fleetBehind(target));
    if (extra !== undefined) return extra;
  }
  return undefined;
}

function fleetBehind({ patience }: NodeTarget): (connection: SshConnection) => Promise<FleetView> {
  return async (connection) => await fleetOver(connection, patience);
}

function unitReports(view: FleetView, machines: readonly MachineReport[]): readonly UnitReport[] {
  const nameOf = (id: string): string => machines.find(({ machineId }) => machineId === id)?.name ?? id;
  return view.units.flatMap(({ name, desired, machineId }): UnitReport[] => {
    const states = view.states.filter((one) => one.unit === name);
    if (states.length > 0) {
      return states.map(({ machineId: id, active, sub }) => ({
        unit: name,
        desired,
        machine: nameOf(id),
        active,
        sub,
      }));
    }
    if (desired === "inactive") return [];
    const machine = machineId === undefined ? undefined : nameOf(machineId);
    return [{ unit: name, desired, machine, active: "inactive", sub: "dead" }];
  });
}

function machineProblems(machine: MachineReport): string[] {
  if (machine.state !== "running") return [`${machine.name} is ${machine.state}`];
  return machine.layers
    .filter(({ ok }) => !ok)
    .map(({ layer, why }) => `${machine.name}: ${layer}${why === undefined ? " is not ready" : `: ${why}`}`);
}

function fleetProblems(
  view: FleetView | undefined,
  units: readonly UnitReport[] | undefined,
  machines: readonly MachineReport[],
): string[] {
  const running = machines.filter(({ state }) => state === "running");
  if (view === undefined) return running.length === 0 ? [] : ["no machine's fleet answers"];
  const missing = running.filter(({ machineId }) => !view.machines.includes(machineId));
  return [
    ...missing.map(({ name }) => `fleet does not list ${name}`),
    ...(units ?? [])
      .filter(({ desired, active }) => desired === "launched" && active !== "active")
      .map(({ unit, active, machine }) =>
        machine === undefined ? `${unit} runs nowhere` : `${unit} is ${active} on ${machine}`,
      ),
  ];
}
