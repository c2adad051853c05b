import { AppError } from "../../src/foundation/errors.ts";
import type {
  ApiExplanation,
  ApiMachine,
  ApiRefusal,
  ApiUnit,
  ApiUnitState,
  FleetClient,
} from "../../src/fleet/api/client.ts";
import type { DesiredState } from "../../src/fleet/model.ts";
import { isTemplateName } from "../../src/fleet/unit/name.ts";
import { isGlobal } from "../../src/fleet/unit/requirements.ts";
import { hashUnit } from "../../src/fleet/unit/serialize.ts";

/** A whole cluster in memory behind the client's port: it schedules at once, and runs what is not told to fail. */
export interface FakeFleet extends FleetClient {
  readonly machineList: ApiMachine[];
  /** What systemd says of units that were started, by unit name; `active/running` where nothing is said. */
  readonly outcomes: Map<string, { readonly active: string; readonly sub: string }>;
  /** Units that no machine can run. */
  readonly refusals: Map<string, ApiRefusal>;
  /** Machines that are drained; what is placed on one moves to the other. */
  readonly cordoned: Set<string>;
  readonly explanations: Map<string, ApiExplanation>;
  /** How many looks at a unit still show it as it was before the last change. */
  lag: number;
  /** Makes every call fail. */
  broken: AppError | undefined;
}

interface Held {
  readonly options: ApiUnit["options"];
  desired: DesiredState;
  before: DesiredState;
  staleLooks: number;
  /** What its machine shows as long as looks are stale. */
  former: ApiUnit["options"];
}

export function fakeFleet(): FakeFleet {
  const held = new Map<string, Held>();
  const machineList: ApiMachine[] = [
    { id: "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa", primaryIP: "192.168.56.11", metadata: { region: "local" } },
    { id: "5d1ee7c2bbbbbbbbbbbbbbbbbbbbbbbb", primaryIP: "192.168.56.12", metadata: {} },
  ];
  const home = (): ApiMachine | undefined => machineList.find(({ id }) => !fleet.cordoned.has(id));
  const current = (name: string, unit: Held): DesiredState => {
    if (fleet.refusals.has(name)) return "inactive";
    return unit.staleLooks > 0 ? unit.before : unit.desired;
  };
  const show = (name: string, unit: Held): ApiUnit => {
    const global = isGlobal({ name, options: unit.options });
    const currentState = global ? "" : current(name, unit);
    unit.staleLooks = Math.max(0, unit.staleLooks - 1);
    return {
      name,
      options: unit.options,
      desiredState: unit.desired,
      currentState,
      machineID: currentState === "" || currentState === "inactive" ? "" : (home()?.id ?? ""),
      refusal: unit.desired === "inactive" ? undefined : fleet.refusals.get(name),
    };
  };
  const statesOf = (name: string, unit: Held): ApiUnitState[] => {
    const global = isGlobal({ name, options: unit.options });
    const state = global ? unit.desired : current(name, unit);
    if (state === "inactive") return [];
    const idle = { active: "inactive", sub: "dead" };
    const busy = fleet.outcomes.get(name) ?? { active: "active", sub: "running" };
    const says = state === "launched" ? busy : idle;
    const single = home();
    const places = global ? machineList : single === undefined ? [] : [single];
    return places.map(({ id }) => ({
      name,
      machineID: id,
      hash: hashUnit(unit.staleLooks > 0 ? unit.former : unit.options),
      load: "loaded",
      ...says,
    }));
  };
  const sorted = (): [string, Held][] => [...held].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const check = (): void => {
    if (fleet.broken !== undefined) throw fleet.broken;
  };
  const move = (name: string, unit: Held, desired: DesiredState): void => {
    if (isTemplateName(name) && desired !== "inactive") {
      throw new AppError("E_FLEET_API", `googleapi: Error 400: cannot activate template "${name}"`);
    }
    unit.before = current(name, unit);
    unit.former = unit.options;
    unit.desired = desired;
    unit.staleLooks = fleet.lag;
  };
  const fleet: FakeFleet = {
    machineList,
    outcomes: new Map(),
    refusals: new Map(),
    cordoned: new Set(),
    explanations: new Map(),
    lag: 1,
    broken: undefined,
    machines: async () => {
      check();
      return machineList;
    },
    units: async () => {
      check();
      return sorted().map(([name, unit]) => show(name, unit));
    },
    unit: async (name) => {
      check();
      const unit = held.get(name);
      return unit === undefined ? undefined : show(name, unit);
    },
    putUnit: async (name, options, desired) => {
      check();
      const old = held.get(name);
      const before = old === undefined ? "inactive" : current(name, old);
      const staleLooks = old === undefined ? 0 : fleet.lag;
      held.set(name, { options, desired, before, staleLooks, former: old?.options ?? options });
    },
    setDesired: async (name, desired) => {
      check();
      const unit = held.get(name);
      if (unit === undefined)
        throw new AppError(
          "E_FLEET_API",
          "googleapi: Error 409: unit does not exist and options field empty",
        );
      move(name, unit, desired);
    },
    cordons: async () => [...fleet.cordoned].map((machineID) => ({ machineID, since: 0 })),
    cordon: async (machineID) => {
      fleet.cordoned.add(machineID);
      return machineList.some(({ id }) => id === machineID);
    },
    uncordon: async (machineID) => fleet.cordoned.delete(machineID),
    explain: async (name) => fleet.explanations.get(name),
    // As a server that has no event stream: whoever waits has to look.
    events: async function* () {},
    deleteUnit: async (name) => {
      check();
      return held.delete(name);
    },
    states: async (filter = {}) => {
      check();
      return sorted()
        .flatMap(([name, unit]) => statesOf(name, unit))
        .filter(({ name }) => filter.unitName === undefined || filter.unitName === name)
        .filter(({ machineID }) => filter.machineID === undefined || filter.machineID === machineID);
    },
  };
  return fleet;
}
