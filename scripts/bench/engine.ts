import { seededRandom } from "../../src/failover/scenario/victims.ts";
import type { Machine, Placement, Snapshot, Unit, UnitOption } from "../../src/fleet/model.ts";
import { createPlanner } from "../../src/fleet/engine/planner.ts";
import type { Measure } from "./measure.ts";
import { measure } from "./measure.ts";

/** The input: always the same cluster, made from this seed. */
export const engineInput = { seed: 20_260_101, units: 10_000, machines: 1_000 };

const values = {
  region: ["north", "south", "east", "west"],
  disk: ["ssd", "hdd"],
  rack: ["a", "b", "c", "d", "e"],
};

/** The engine alone, without etcd: how much of a processor's time its decisions take. */
export function measureEngine(): Measure[] {
  const empty = makeInput();
  const planner = createPlanner();
  const anew = (snapshot: Snapshot, gone: readonly string[] = []): ReturnType<typeof planner.plan> => {
    planner.forget();
    return planner.plan(snapshot, new Set(gone));
  };
  const placing = timed(() => anew(empty));
  const { decisions } = placing.result;
  const placed = withPlacements(
    empty,
    decisions.flatMap((each) => (each.kind === "place" ? [each.placement] : [])),
  );
  const settling = timed(() => anew(placed));
  const idle = timed(() => {
    for (let turn = 0; turn < 1_000; turn++) planner.plan(placed, new Set());
  });
  const [lost = ""] = placed.machines.keys();
  const machines = new Map([...placed.machines].filter(([id]) => id !== lost));
  const losing = timed(() => anew({ ...placed, machines }, [lost]));
  const rate = (decisions.length / placing.ms) * 1_000;
  return [
    measure("engine: decisions a second, 10,000 units on 1,000 machines", rate, "/s", { least: 20_000 }),
    measure("engine: of them placed", decisions.filter(({ kind }) => kind === "place").length, ""),
    measure("engine: a second look at all of it", settling.ms, "ms"),
    measure("engine: one machine of 1,000 lost, decided", losing.ms, "ms", { most: 100 }),
    measure("engine: decisions about the lost machine", losing.result.decisions.length, ""),
    measure("engine: a look when nothing has changed", idle.ms, "µs"),
  ];
}

/** In the thread's own time, so that what else the machine does is not counted; the median of three. */
function timed<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const runs = Array.from({ length: 3 }, () => {
    const began = process.threadCpuUsage();
    const result = work();
    const { user, system } = process.threadCpuUsage(began);
    return { ms: (user + system) / 1_000, result };
  });
  const [, middle] = runs.toSorted((one, other) => one.ms - other.ms);
  if (middle === undefined) throw new Error("three runs have a middle one");
  return middle;
}

/** 30 % of the units follow another, 20 % keep others away, half ask for metadata of three keys. */
function makeInput(): Snapshot {
  const random = seededRandom(engineInput.seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const machines = Array.from({ length: engineInput.machines }, (_, index): Machine => {
    const metadata = Object.entries(values).map(([key, all]) => [key, pick(all) ?? ""]);
    return {
      id: index.toString(16).padStart(32, "0"),
      publicIP: "192.0.2.1",
      metadata: Object.fromEntries(metadata) as Record<string, string>,
      version: "bench",
      engine: 1,
      bootId: "boot",
      nonce: "nonce",
      joined: index,
      leaving: false,
    };
  });
  const unit = (index: number): Unit => {
    const lines: UnitOption[] = [{ section: "Service", name: "ExecStart", value: "/bin/sleep infinity" }];
    const require = (name: string, value: string): void =>
      void lines.push({ section: "X-Fleet", name, value });
    const lot = random();
    if (lot < 0.3 && index > 0) require("MachineOf", nameOf(Math.floor(random() * index)));
    else if (lot < 0.5) require("Conflicts", `unit-${String(index).slice(0, 2)}*x.service`);
    else if (random() < 0.7) {
      const key = pick(Object.keys(values) as (keyof typeof values)[]) ?? "disk";
      require("MachineMetadata", `${key}=${pick(values[key]) ?? ""}`);
    }
    return { name: nameOf(index), options: lines, desired: "launched" };
  };
  const units = Array.from({ length: engineInput.units }, (_, index) => unit(index));
  return {
    revision: 1n,
    machines: new Map(machines.map((machine) => [machine.id, machine])),
    units: new Map(units.map((each) => [each.name, each])),
    placements: new Map(),
    states: new Map(),
    refusals: new Map(),
    cordons: new Map(),
    leader: undefined,
  };
}

/** Every tenth name ends in x: those are what the conflicts are about. */
function nameOf(index: number): string {
  return `unit-${index}${index % 10 === 0 ? "x" : ""}.service`;
}

function withPlacements(snapshot: Snapshot, placements: readonly Placement[]): Snapshot {
  return { ...snapshot, placements: new Map(placements.map((placement) => [placement.unit, placement])) };
}
