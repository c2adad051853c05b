import type { ApiMachine } from "../api/client.ts";
import type { Call } from "./command.ts";
import { isOn } from "./command.ts";
import { machineLabel } from "./legend.ts";
import { orDash, printListing } from "./listing.ts";

/** `fleetctl list-machines`. */
export async function listMachines(call: Call): Promise<number> {
  const full = isOn(call.options, "full");
  return await printListing<ApiMachine>(call, {
    standardFields: "machine,ip,metadata",
    cells: {
      machine: ({ id }) => machineLabel(id, full),
      ip: ({ primaryIP }) => orDash(primaryIP),
      metadata: ({ metadata }) => orDash(showMetadata(metadata)),
    },
    load: async (fleet) => await fleet.machines(),
    json: ({ id, primaryIP, metadata }) => ({ machine: id, ip: primaryIP, metadata }),
    failure: (message) => [
      `Error retrieving list of active machines from fleet API (${message})`,
      "Possible issues:",
      "  etcd is unhealthy and/or lost quorum",
      "  connection cannot be established to any etcd servers",
    ],
  });
}

function showMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.keys(metadata)
    .toSorted()
    .map((key) => `${key}=${metadata[key] ?? ""}`)
    .join(",");
}
