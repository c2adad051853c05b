import type { SshConnection } from "../foundation/ssh.ts";
import { getOver } from "./node-http.ts";

/** Where every node's fleet listens. */
export const fleetSocket = "/run/fleet.sock";

/** What one node's fleet says, read at once. */
export interface FleetView {
  /** Ids of the machines that fleet lists. */
  readonly machines: readonly string[];
  readonly units: readonly {
    readonly name: string;
    readonly desired: string;
    readonly machineId: string | undefined;
  }[];
  readonly states: readonly {
    readonly unit: string;
    readonly machineId: string;
    readonly active: string;
    readonly sub: string;
  }[];
}

const within = 2_000;

/** Reads machines, units and states side by side over an open connection. */
export async function fleetOver(connection: SshConnection): Promise<FleetView> {
  const [machines, units, states] = await Promise.all([
    readAll<{ id: string }>(connection, "machines"),
    readAll<{ name: string; desiredState: string; machineID?: string }>(connection, "units"),
    readAll<{ name: string; machineID: string; systemdActiveState: string; systemdSubState: string }>(
      connection,
      "state",
    ),
  ]);
  return {
    machines: machines.map(({ id }) => id),
    units: units.map(({ name, desiredState, machineID }) => ({
      name,
      desired: desiredState,
      machineId: machineID === "" ? undefined : machineID,
    })),
    states: states.map((state) => ({
      unit: state.name,
      machineId: state.machineID,
      active: state.systemdActiveState,
      sub: state.systemdSubState,
    })),
  };
}

/** Follows the API's pages. */
async function readAll<T>(
  connection: SshConnection,
  resource: "machines" | "units" | "state",
): Promise<readonly T[]> {
  const key = resource === "state" ? "states" : resource;
  const found: T[] = [];
  for (let token = ""; ; ) {
    const query = token === "" ? "" : `?nextPageToken=${encodeURIComponent(token)}`;
    const stream = await connection.openUnix(fleetSocket);
    const answer = await getOver(stream, `/fleet/v1/${resource}${query}`, within);
    if (answer.status !== 200) throw new Error(`fleet answers ${answer.status}`);
    const page = JSON.parse(answer.body) as Record<string, unknown> & { nextPageToken?: string };
    found.push(...((page[key] ?? []) as T[]));
    token = page.nextPageToken ?? "";
    if (token === "") return found;
  }
}
