import { AppError } from "../../src/foundation/errors.ts";
import type {
  ApiExplanation,
  ApiMachine,
  ApiRefusal,
  ApiUnit,
  ApiUnitState,
  FleetClient,
} from "../../src/fleet/api/client.ts";
import type { DesiredState, Unit } from "../../src/fleet/model.ts";
import { isTemplateName } from "../../src/fleet/unit/name.ts";
import { isGlobal } from "../../src/fleet/unit/requirements.ts";
import { hashUnit } from "../../src/fleet/unit/serialize.ts";

/** What a test makes of the fake cluster, and of what it does. */
interface Script {
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

/** A whole cluster in memory behind the client's port: it schedules at once, and runs what is not told to fail. */
export interface FakeFleet extends FleetClient, Script {}

export function fakeFleet(): FakeFleet {
  const script: Script = {
    machineList: [
      {
        id: "0b9fd6f8aaaaaaaaaaaaaaaaaaaaaaaa",
        primaryIP: "192.168.56.11",
        metadata: { region: "local" },
      },
      { id: "5d1ee7c2bbbbbbbbbbbbbbbbbbbbbbbb", primaryIP: "192.168.56.12", metadata: {} },
    ],
    outcomes: new Map(),
    refusals: new Map(),
    cordoned: new Set(),
    explanations: new Map(),
    lag: 1,
    broken: undefined,
  };
  // One object, so that the calls go by what a test sets on the fleet.
  return Object.assign(script, clientOf(script));
}

function clientOf(script: Script): FleetClient {
  const held = new Map<string, HeldUnit>();
  /** Every call that can fail asks for the units by this. */
  const asked = (): Map<string, HeldUnit> => {
    if (script.broken !== undefined) throw script.broken;
    return held;
  };
  const sorted = (): HeldUnit[] => [...asked().values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    machines: async () => {
      asked();
      return script.machineList;
    },
    units: async () => sorted().map((unit) => unit.show()),
    unit: async (name) => asked().get(name)?.show(),
    putUnit: async (name, options, desired) => {
      held.set(name, new HeldUnit(script, { name, options, desired }, asked().get(name)));
    },
    setDesired: async (name, desired) => {
      const unit = asked().get(name);
      if (unit === undefined) {
        throw refused("googleapi: Error 409: unit does not exist and options field empty");
      }
      unit.move(desired);
    },
    deleteUnit: async (name) => asked().delete(name),
    states: async ({ unitName, machineID } = {}) =>
      sorted()
        .flatMap((unit) => unit.states())
        .filter(({ name }) => unitName === undefined || unitName === name)
        .filter((state) => machineID === undefined || machineID === state.machineID),
    cordons: async () => [...script.cordoned].map((machineID) => ({ machineID, since: 0 })),
    cordon: async (machineID) => {
      script.cordoned.add(machineID);
      return script.machineList.some(({ id }) => id === machineID);
    },
    uncordon: async (machineID) => script.cordoned.delete(machineID),
    explain: async (name) => script.explanations.get(name),
    // As a server that has no event stream: whoever waits has to look.
    events: async function* () {},
  };
}

/** One unit: what is wanted of it, and what looks at it show, which lags behind. */
class HeldUnit {
  readonly name: string;
  readonly #options: ApiUnit["options"];
  readonly #script: Script;
  #desired: DesiredState;
  #before: DesiredState;
  #staleLooks: number;
  /** What its machine shows as long as looks are stale. */
  #former: ApiUnit["options"];

  /** @param old the unit in whose place it comes */
  constructor(script: Script, { name, options, desired }: Unit, old: HeldUnit | undefined) {
    this.name = name;
    this.#options = options;
    this.#script = script;
    this.#desired = desired;
    this.#before = old === undefined ? "inactive" : old.#current();
    this.#staleLooks = old === undefined ? 0 : script.lag;
    this.#former = old === undefined ? options : old.#options;
  }

  move(desired: DesiredState): void {
    if (isTemplateName(this.name) && desired !== "inactive") {
      throw refused(`googleapi: Error 400: cannot activate template "${this.name}"`);
    }
    this.#before = this.#current();
    this.#former = this.#options;
    this.#desired = desired;
    this.#staleLooks = this.#script.lag;
  }

  /** One look. */
  show(): ApiUnit {
    const currentState = this.#global ? "" : this.#current();
    this.#staleLooks = Math.max(0, this.#staleLooks - 1);
    return {
      name: this.name,
      options: this.#options,
      desiredState: this.#desired,
      currentState,
      machineID: currentState === "" || currentState === "inactive" ? "" : (this.#home?.id ?? ""),
      refusal: this.#desired === "inactive" ? undefined : this.#script.refusals.get(this.name),
    };
  }

  /** What the machines that have it publish. */
  states(): ApiUnitState[] {
    const state = this.#global ? this.#desired : this.#current();
    if (state === "inactive") return [];
    const idle = { active: "inactive", sub: "dead" };
    const busy = this.#script.outcomes.get(this.name) ?? { active: "active", sub: "running" };
    const says = state === "launched" ? busy : idle;
    return this.#places.map(({ id }) => ({
      name: this.name,
      machineID: id,
      hash: hashUnit(this.#staleLooks > 0 ? this.#former : this.#options),
      load: "loaded",
      ...says,
    }));
  }

  #current(): DesiredState {
    if (this.#script.refusals.has(this.name)) return "inactive";
    return this.#staleLooks > 0 ? this.#before : this.#desired;
  }

  get #global(): boolean {
    return isGlobal({ name: this.name, options: this.#options });
  }

  get #places(): readonly ApiMachine[] {
    if (this.#global) return this.#script.machineList;
    return this.#home === undefined ? [] : [this.#home];
  }

  get #home(): ApiMachine | undefined {
    return this.#script.machineList.find(({ id }) => !this.#script.cordoned.has(id));
  }
}

const refused = (message: string): AppError => new AppError("E_FLEET_API", message);
