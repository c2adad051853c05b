import { shortHash } from "../unit/serialize.ts";
import type { ApiUnitState } from "../api/client.ts";
import type { Call } from "./command.ts";
import { isOn } from "./command.ts";
import { byId, machineLegend } from "./legend.ts";
import type { MachineMap } from "./legend.ts";
import { orDash, printListing } from "./listing.ts";

/** `fleetctl list-units`: one line for each unit on each machine. */
export async function listUnits(call: Call): Promise<number> {
  const full = isOn(call.options, "full");
  let machines: MachineMap = new Map();
  return await printListing<ApiUnitState>(call, {
    standardFields: "unit,machine,active,sub",
    cells: {
      unit: ({ name }) => name,
      machine: ({ machineID }) => (machineID === "" ? "-" : machineLegend(machineID, machines, full)),
      load: ({ load }) => orDash(load),
      active: ({ active }) => orDash(active),
      sub: ({ sub }) => orDash(sub),
      hash: ({ hash }) => orDash(full ? hash : shortHash(hash)),
    },
    load: async (fleet) => {
      const [list, states] = await Promise.all([fleet.machines(), fleet.states()]);
      machines = byId(list);
      return states;
    },
    json: (state) => ({
      unit: state.name,
      machine: state.machineID,
      ip: machines.get(state.machineID)?.primaryIP ?? "",
      load: state.load,
      active: state.active,
      sub: state.sub,
      hash: state.hash,
    }),
    failure: (message) => [`Error retrieving list of units from repository: ${message}`],
  });
}
