import type { CloudUnit } from "./cloud-unit.ts";
import { dockerUnits } from "./docker-units.ts";
import { etcd2Section, etcdUnits } from "./etcd-units.ts";
import { fleetSettings, fleetUnits } from "./fleet-units.ts";
import { networkUnits } from "./network-units.ts";
import type { NodeInput } from "./node-input.ts";
import type { OsProfile } from "./os-profile.ts";

/** The `coreos` section: etcd, fleet, and the units to start, in the order in which they depend on each other. */
export function coreosSection(
  input: NodeInput,
  profile: OsProfile,
  dockerListens: "everywhere" | "cluster",
): Record<string, unknown> {
  const etcd2 = etcd2Section(input, profile);
  const units: CloudUnit[] = [
    ...networkUnits(input, profile),
    ...etcdUnits(input, profile),
    ...dockerUnits(input, dockerListens),
    ...fleetUnits(input, profile),
  ];
  return {
    ...(etcd2 === undefined ? {} : { etcd2 }),
    ...(profile.fleet === "cloud-config" ? {} : { fleet: fleetSettings(input, profile) }),
    ...(profile.reboots ? { update: { reboot_strategy: "off" } } : {}),
    units,
  };
}
