import { subnetOf } from "../spec/subnet.ts";
import type { CloudUnit } from "./cloud-unit.ts";
import type { NodeInput } from "./node-input.ts";
import type { OsProfile } from "./os-profile.ts";

/**
 * The machine's card on the cluster's network, where nobody else sets it up: the second, for the first leads to the
 * hypervisor. Vagrant would do it, too, but only when it makes the machine, and in twenty seconds.
 */
export function networkUnits({ spec, machine }: NodeInput, profile: OsProfile): CloudUnit[] {
  if (profile.network === "provider") return [];
  const { bits } = subnetOf(spec.network.subnet);
  const content = `[Match]
Name=eth1

[Link]
RequiredForOnline=no

[Network]
Address=${machine.address}/${bits}
LinkLocalAddressing=no
IPv6AcceptRA=no
`;
  return [{ name: "60-cluster.network", content }];
}
