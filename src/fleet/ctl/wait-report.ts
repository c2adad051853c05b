import type { ApiUnit, FleetClient } from "../api/client.ts";
import type { Call } from "./command.ts";
import { holdingText } from "./explain.ts";
import { byId, machineLabel, type MachineMap, machineLegend } from "./legend.ts";
import { type Sight, stateOf, type Trouble } from "./progress.ts";

/** How many units that do not come are explained one by one: each costs the server a request. */
const explained = 3;

/** What is said of units that are waited for. */
export interface WaitReporter {
  arrived(sight: Sight): Promise<void>;
  trouble(name: string, sight: Sight, trouble: Trouble): Promise<void>;
  /** These units do not come any nearer. */
  stalled(sights: readonly Sight[]): Promise<void>;
}

/** Results go to standard output, all else to standard error. */
export function waitReporter(call: Call, fleet: FleetClient): WaitReporter {
  let machines: MachineMap = new Map();
  const legend = async (id: string): Promise<string> => {
    if (!machines.has(id)) machines = byId(await fleet.machines().catch(() => []));
    return machineLegend(id, machines);
  };
  return {
    arrived: async ({ unit }) => {
      if (unit === undefined) return;
      const where = unit.machineID === "" ? "" : ` on ${await legend(unit.machineID)}`;
      call.out(`Unit ${unit.name} ${unit.currentState}${where}`);
    },
    trouble: async (name, sight, trouble) => {
      const [first, ...more] = await troubleLines(name, sight, trouble, legend);
      call.err(`Error waiting for units: unit ${name} ${first}`);
      for (const line of more) call.err(line);
    },
    stalled: async (sights) => {
      for (const { unit, states } of sights.slice(0, explained)) {
        if (unit === undefined) continue;
        call.err(`Waiting for unit ${unit.name}: ${await missing({ unit, states }, fleet, legend)}`);
      }
      const more = sights.length - explained;
      if (more > 0) call.err(`Waiting for ${more} more ${more === 1 ? "unit" : "units"}`);
    },
  };
}

type Legend = (machineID: string) => Promise<string>;

async function troubleLines(
  name: string,
  { unit }: Sight,
  trouble: Trouble,
  legend: Legend,
): Promise<readonly string[]> {
  if (trouble.kind === "gone") return ["was destroyed"];
  if (trouble.kind === "overtaken") return ["was replaced by somebody else meanwhile"];
  if (trouble.kind === "refused") {
    const reasons = (unit?.refusal?.reasons ?? []).map(
      async ({ machineID, why }) => `  ${await legend(machineID)}: ${why}`,
    );
    return [
      `can run on no machine: ${unit?.refusal?.summary ?? ""}`,
      ...(await Promise.all(reasons)),
      "It stays wanted, and starts as soon as a machine can run it.",
    ];
  }
  const { load, active, sub, machineID } = trouble.state;
  const where = await legend(machineID);
  if (load === "error") {
    const journal = `fleetctl ssh ${machineLabel(machineID).replaceAll(".", "")} journalctl -u fleet`;
    return [
      `cannot be installed on ${where}`,
      `Hint: '${journal}' says why; it is tried again from time to time`,
    ];
  }
  const how = trouble.kind === "failed" ? "failed" : "is not running";
  return [
    `${how} on ${where} (${active}/${sub})`,
    `Hint: 'fleetctl status ${name}' and 'fleetctl journal ${name}' say more`,
  ];
}

/** What a unit lacks that is not there yet. Servers of another kind have no explanations. */
async function missing(
  { unit, states }: { readonly unit: ApiUnit; readonly states: Sight["states"] },
  fleet: FleetClient,
  legend: Legend,
): Promise<string> {
  const state = stateOf(unit, states);
  if (state?.active === "deactivating") return `it is still stopping on ${await legend(state.machineID)}`;
  if (state !== undefined) return `systemd on ${await legend(state.machineID)} has yet to start it`;
  const explanation = await fleet.explain(unit.name).catch(() => undefined);
  const isThere = explanation?.machines.some(({ machineID }) => machineID === unit.machineID) ?? true;
  if (unit.machineID !== "" && isThere) return `${await legend(unit.machineID)} has yet to load it`;
  if (explanation?.holdingFor !== undefined) return holdingText(explanation.holdingFor);
  return explanation?.summary ?? "it is on no machine yet";
}
