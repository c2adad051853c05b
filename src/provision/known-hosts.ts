import type { MachineSpec } from "../spec/model.ts";
import type { ClusterKeys } from "./keys.ts";

/** An OpenSSH known_hosts that pins every machine's host key to its name and address. */
export function knownHosts(machines: readonly MachineSpec[], keys: ClusterKeys): string {
  return machines.map((machine) => `${machine.name},${machine.address} ${hostKey(machine, keys)}\n`).join("");
}

/** `ssh-ed25519 AAAA…`, without the comment. */
function hostKey(machine: MachineSpec, keys: ClusterKeys): string {
  const pair = keys.hosts[machine.name];
  if (pair === undefined) throw new RangeError(`no host key for ${machine.name}`);
  return pair.publicKey.trim().split(" ").slice(0, 2).join(" ");
}
