import { isGlobal } from "../unit/requirements.ts";
import { hashUnit, shortHash } from "../unit/serialize.ts";
import type { ApiUnit } from "../api/client.ts";
import type { Call } from "./command.ts";
import { isOn, textOf } from "./command.ts";
import { byId, machineLegend } from "./legend.ts";
import type { MachineMap } from "./legend.ts";
import { orDash, printListing } from "./listing.ts";
import type { Cells } from "./listing.ts";

/** `fleetctl list-unit-files`: everything that the registry holds. */
export async function listUnitFiles(call: Call): Promise<number> {
  const full = isOn(call.options, "full");
  let machines: MachineMap = new Map();
  if (textOf(call.options, "fields", "").split(",").includes("tmachine")) {
    call.err('WARNING: The "tmachine" field is deprecated. Use "target" instead');
  }
  return await printListing<ApiUnit>(call, {
    standardFields: "unit,hash,dstate,state,target",
    cells: cellsOf(full, () => machines),
    load: async (fleet) => {
      const [list, units] = await Promise.all([fleet.machines(), fleet.units()]);
      machines = byId(list);
      return units;
    },
    json: (unit) => ({
      unit: unit.name,
      hash: hashUnit(unit.options),
      desired: unit.desiredState,
      state: unit.currentState,
      machine: unit.machineID,
      global: isGlobal(unit),
      ...(unit.refusal === undefined ? {} : { refusal: unit.refusal }),
    }),
    failure: (message) => [`Error retrieving list of units from repository: ${message}`],
  });
}

function cellsOf(full: boolean, machines: () => MachineMap): Cells<ApiUnit> {
  const machine = ({ machineID }: ApiUnit): string =>
    machineID === "" ? "-" : machineLegend(machineID, machines(), full);
  return {
    unit: ({ name }) => name,
    hash: ({ options }) => (full ? hashUnit(options) : shortHash(hashUnit(options))),
    dstate: ({ desiredState }) => orDash(desiredState),
    state: (unit) => (isGlobal(unit) ? "-" : orDash(unit.currentState)),
    target: (unit) => (isGlobal(unit) ? "global" : machine(unit)),
    tmachine: machine,
    global: (unit) => String(isGlobal(unit)),
    desc: ({ options }) => orDash(descriptionOf(options)),
  };
}

function descriptionOf(options: ApiUnit["options"]): string {
  return options.find(({ section, name }) => section === "Unit" && name === "Description")?.value ?? "";
}
