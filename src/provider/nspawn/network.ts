import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import { writeFile } from "node:fs/promises";
import type { HostNames } from "./names.ts";
import { bridgeMac } from "./names.ts";
import type { Subnet } from "./subnet.ts";

/** The cluster's network on the host: a bridge with the gateway's address, NAT and a wall around it. */
export interface NetworkPlan {
  readonly names: HostNames;
  readonly subnet: Subnet;
  /** Whether nodes reach what lies beyond the host. */
  readonly internet: boolean;
}

const forwarding = "/proc/sys/net/ipv4/ip_forward";

/**
 * Makes the network or mends what is missing of it. Idempotent.
 * @returns what ip_forward was before, when we had to switch it on
 * @throws E_IN_USE when a bridge of that name is not ours
 */
export async function raiseNetwork(
  exec: Exec,
  plan: NetworkPlan,
): Promise<{ readonly switchedForwarding: boolean }> {
  await raiseBridge(exec, plan);
  await mustRun(exec, { argv: ["nft", "-f", "-"], input: firewall(plan) });
  await acceptThroughDocker(exec, plan.names);
  const before = (await readIfExists(forwarding))?.trim();
  const switchedForwarding = plan.internet && before === "0";
  if (switchedForwarding) await writeFile(forwarding, "1");
  return { switchedForwarding };
}

/** Takes everything away that bears our name; what is not there is no error. */
export async function lowerNetwork(exec: Exec, names: HostNames): Promise<void> {
  for (const link of await ourLinks(exec, names)) await exec.run({ argv: ["ip", "link", "delete", link] });
  await exec.run({ argv: ["nft", "delete", "table", "inet", names.table] });
  for (const rule of dockerRules(names)) {
    while ((await exec.run({ argv: ["iptables", "-w", "-D", "DOCKER-USER", ...rule] })).code === 0);
  }
}

/** Switches forwarding off again after `raiseNetwork` had switched it on, unless another cluster still needs it. */
export async function restoreForwarding(exec: Exec): Promise<void> {
  const links = await exec.run({ argv: ["ip", "-json", "link", "show", "type", "bridge"] });
  if (links.code === 0 && !links.stdout.includes('"fl-')) await writeFile(forwarding, "0");
}

/** Cuts a node's cable: nothing leaves or reaches it from now on. Idempotent. */
export async function cutCable(exec: Exec, hostEnd: string): Promise<void> {
  await exec.run({ argv: ["ip", "link", "delete", hostEnd] });
}

async function raiseBridge(exec: Exec, { names, subnet }: NetworkPlan): Promise<void> {
  const found = await exec.run({ argv: ["ip", "-json", "link", "show", "dev", names.bridge] });
  if (found.code === 0 && !found.stdout.includes(JSON.stringify(names.alias))) {
    throw new AppError("E_IN_USE", `the network interface ${names.bridge} belongs to something else`, {
      hint: `see it with 'ip link show ${names.bridge}'; remove it if nothing needs it`,
    });
  }
  const make = [
    // A fixed hardware address, and no learning phase: a port forwards from its first packet on.
    `link add ${names.bridge} address ${bridgeMac(names)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${names.bridge} alias ${names.alias}`,
  ];
  const ready = [
    `address replace ${subnet.gateway}/${subnet.prefix} dev ${names.bridge}`,
    `link set ${names.bridge} up`,
  ];
  const lines = found.code === 0 ? ready : [...make, ...ready];
  await mustRun(exec, { argv: ["ip", "-batch", "-"], input: `${lines.join("\n")}\n` });
}

/** Pure: the whole table; loading it replaces an older one in one step. */
export function firewall({ names, subnet, internet }: NetworkPlan): string {
  const { bridge, table } = names;
  const outward = internet ? "accept" : "reject with icmpx type admin-prohibited";
  const nat = `
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${subnet.cidr} ip daddr != ${subnet.cidr} masquerade
  }`;
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain forward {
    type filter hook forward priority filter;
    iifname "${bridge}" oifname "${bridge}" accept
    oifname "${bridge}" ct state established,related accept
    oifname "${bridge}" drop
    iifname "${bridge}" ${outward}
  }${internet ? nat : ""}
}
`;
}

function dockerRules(names: HostNames): string[][] {
  const comment = ["-m", "comment", "--comment", names.alias];
  return [
    ["-i", names.bridge, ...comment, "-j", "ACCEPT"],
    ["-o", names.bridge, ...comment, "-j", "ACCEPT"],
  ];
}

/** Docker on the host drops what it does not forward itself; this chain is where it lets others say otherwise. */
async function acceptThroughDocker(exec: Exec, names: HostNames): Promise<void> {
  const chain = await exec.run({ argv: ["iptables", "-w", "-nL", "DOCKER-USER"] });
  if (chain.code !== 0) return;
  for (const rule of dockerRules(names)) {
    const there = await exec.run({ argv: ["iptables", "-w", "-C", "DOCKER-USER", ...rule] });
    if (there.code !== 0) await mustRun(exec, { argv: ["iptables", "-w", "-I", "DOCKER-USER", ...rule] });
  }
}

/** The bridge, if it is ours, and the cables of the nodes. */
async function ourLinks(exec: Exec, names: HostNames): Promise<string[]> {
  const result = await exec.run({ argv: ["ip", "-json", "link", "show"] });
  if (result.code !== 0) return [];
  const links = JSON.parse(result.stdout) as { readonly ifname: string; readonly ifalias?: string }[];
  return links
    .filter(
      ({ ifname, ifalias }) =>
        ifname.startsWith(`vb-${names.id}-`) || (ifname === names.bridge && ifalias === names.alias),
    )
    .map(({ ifname }) => ifname);
}
