import { createClient, type FleetClient } from "../../fleet/api/client.ts";
import { httpTransport } from "../../fleet/api/transport.ts";
import type { SshConnection } from "../../foundation/ssh.ts";

/** Where every node's fleet listens. */
const fleetSocket = "/run/fleet.sock";

/** What one node's fleet says, read at once. */
export interface FleetView {
  /** Ids of the machines that fleet lists. */
  readonly machines: readonly string[];
  readonly units: readonly UnitView[];
  readonly states: readonly StateView[];
}

export interface UnitView {
  readonly name: string;
  readonly desired: string;
  /** Where it is placed; undefined when nowhere, or everywhere. */
  readonly machineId: string | undefined;
}

export interface StateView {
  readonly unit: string;
  readonly machineId: string;
  readonly active: string;
  readonly sub: string;
}

/** Speaks to the fleet of the node behind an open connection. `timeout`: of each request, ms. */
export function fleetClientOver(connection: SshConnection, timeout: number): FleetClient {
  const open = async (): ReturnType<SshConnection["openUnix"]> => await connection.openUnix(fleetSocket);
  return createClient(httpTransport({ kind: "stream", name: `the node's ${fleetSocket}`, open }, timeout));
}

/** Reads machines, units and states side by side over an open connection. `patience`: see NodeTarget. */
export async function fleetOver(connection: SshConnection, patience = 1): Promise<FleetView> {
  const client = fleetClientOver(connection, 2_000 * patience);
  const [machines, units, states] = await Promise.all([client.machines(), client.units(), client.states()]);
  return {
    machines: machines.map(({ id }) => id),
    units: units.map(({ name, desiredState, machineID }) => ({
      name,
      desired: desiredState,
      machineId: machineID === "" ? undefined : machineID,
    })),
    states: states.map(({ name, machineID, active, sub }) => ({
      unit: name,
      machineId: machineID,
      active,
      sub,
    })),
  };
}
