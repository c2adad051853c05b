import type { ApiMachine } from "../api/client.ts";

/** The machines by id, for showing where a unit is. */
export type MachineMap = ReadonlyMap<string, ApiMachine>;

export function byId(machines: readonly ApiMachine[]): MachineMap {
  return new Map(machines.map((machine) => [machine.id, machine]));
}

/** A machine's id as tables show it: its first eight letters and dots, or in full. */
export function machineLabel(id: string, full = false): string {
  return full || id.length <= 8 ? id : `${id.slice(0, 8)}...`;
}

/** `0b9fd6f8.../IP`; without the address when the machine is not known or has none. */
export function machineLegend(id: string, machines: MachineMap, full = false): string {
  const address = machines.get(id)?.primaryIP ?? "";
  return machineLabel(id, full) + (address === "" ? "" : `/${address}`);
}
