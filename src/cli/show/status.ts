import type { ClusterStatus, MachineReport } from "../../lifecycle/status.ts";
import type { LayerName } from "../../lifecycle/ready/layers.ts";
import { table } from "./table.ts";

/** The status for people: a table of machines, one of units, then what is wrong. */
export function statusText(status: ClusterStatus): string {
  const machines = table([
    ["MACHINE", "ADDRESS", "STATE", "ETCD", "DOCKER", "FLEET", "ID"],
    ...status.machines.map((machine) => [
      machine.name,
      machine.address,
      machine.state,
      layerWord(machine, "etcd", machine.etcdMember ? "member" : "gateway"),
      layerWord(machine, "docker", "ok"),
      layerWord(machine, "fleet", "ok"),
      `${machine.machineId.slice(0, 8)}...`,
    ]),
  ]);
  const healthy = status.healthy ? "healthy" : "degraded";
  const lines = [`${status.cluster} (${status.provider}): ${healthy}\n`, "\n", machines];
  if (status.units !== undefined && status.units.length > 0) {
    const rows = status.units.map(({ unit, machine, active, sub }) => [unit, machine ?? "-", active, sub]);
    lines.push("\n", table([["UNIT", "MACHINE", "ACTIVE", "SUB"], ...rows]));
  }
  if (status.problems.length > 0) lines.push("\n", ...status.problems.map((problem) => `! ${problem}\n`));
  if (status.notes.length > 0) lines.push("\n", ...status.notes.map((note) => `  ${note}\n`));
  return lines.join("");
}

function layerWord(machine: MachineReport, layer: LayerName, good: string): string {
  const state = machine.layers.find((one) => one.layer === layer);
  if (state === undefined) return "-";
  return state.ok ? good : "down";
}
