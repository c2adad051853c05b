import type { ProviderName } from "../spec/model.ts";
import type { AddressFacts, FirewallFacts, HostFacts, NetworkFacts } from "./facts.ts";
import type { HostWindow } from "./host-window.ts";
import { output } from "./program.ts";

const noFirewall: FirewallFacts = {
  forward: undefined,
  rules: [],
  bridged: false,
  ufw: false,
  ufwRules: undefined,
  firewalld: false,
  trusted: [],
};

/** Addresses, routes, the firewall, and what there is of ours. */
export async function gatherNetwork(
  host: HostWindow,
  providers: readonly ProviderName[],
): Promise<Pick<HostFacts, "addresses" | "routes" | "firewall" | "bridges" | "sockets">> {
  const linux = host.platform === "linux";
  const bridged = providers.includes("nspawn") || providers.includes("libvirt");
  const [addresses, routes, firewall, bridges, sockets] = await Promise.all([
    linux ? linuxAddresses(host) : undefined,
    readRoutes(host),
    linux && bridged ? readFirewall(host) : noFirewall,
    linux ? ourBridges(host) : [],
    linux ? openSockets(host) : undefined,
  ]);
  return { addresses: addresses ?? host.addresses(), routes, firewall, bridges, sockets };
}

interface IpLink {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly address?: string;
  readonly addr_info?: readonly {
    readonly family: string;
    readonly local: string;
    readonly prefixlen: number;
  }[];
}

interface IpRoute {
  readonly dst: string;
  readonly dev?: string;
}

/** Node leaves out interfaces without a carrier, such as an idle docker0. */
async function linuxAddresses(host: HostWindow): Promise<readonly AddressFacts[] | undefined> {
  const text = await output(host.exec, ["ip", "-json", "-4", "address"]);
  return (parseList(text) as readonly IpLink[] | undefined)
    ?.filter(({ ifname }) => ifname !== "lo")
    .flatMap(({ ifname, address, addr_info }) =>
      (addr_info ?? []).map(({ local, prefixlen }) => ({
        name: ifname,
        cidr: `${local}/${prefixlen}`,
        mac: (address ?? "").toLowerCase(),
      })),
    );
}

async function readRoutes(host: HostWindow): Promise<readonly NetworkFacts[]> {
  switch (host.platform) {
    case "linux": {
      const text = await output(host.exec, ["ip", "-json", "-4", "route"]);
      return ((parseList(text) ?? []) as readonly IpRoute[])
        .filter(({ dst, dev }) => dst !== "default" && dev !== undefined)
        .map(({ dst, dev }) => ({ name: dev ?? "", cidr: dst.includes("/") ? dst : `${dst}/32` }));
    }
    case "darwin":
      return macRoutes((await output(host.exec, ["netstat", "-rn", "-f", "inet"])) ?? "");
    default:
      return [];
  }
}

/** `192.168.56  link#10  UC  vboxnet0`: destinations are cut short after their last byte that is not zero. */
function macRoutes(table: string): readonly NetworkFacts[] {
  return table.split("\n").flatMap((line) => {
    const [destination = "", , flags = "", ...rest] = line.trim().split(/\s+/);
    const match = /^(\d+(?:\.\d+){0,3})(?:\/(\d+))?$/.exec(destination);
    const name = rest.find((word) => /^[a-z]+\d+$/.test(word));
    // Flag H is a single host, W what was copied from another route.
    if (match === null || name === undefined || name.startsWith("lo") || /[HW]/.test(flags)) return [];
    const bytes = (match[1] ?? "").split(".");
    const bits = match[2] ?? String(bytes.length * 8);
    return [{ name, cidr: `${[...bytes, "0", "0", "0"].slice(0, 4).join(".")}/${bits}` }];
  });
}

/** Rules can only be read by root; the files of ufw tell the rest. */
async function readFirewall(host: HostWindow): Promise<FirewallFacts> {
  const [forward, docker, bridged, ufw, ufwRules, firewalld] = await Promise.all([
    output(host.exec, ["iptables", "-S", "FORWARD"]),
    output(host.exec, ["iptables", "-S", "DOCKER-USER"]),
    host.read("/proc/sys/net/bridge/bridge-nf-call-iptables"),
    host.read("/etc/ufw/ufw.conf"),
    host.read("/etc/ufw/user.rules"),
    output(host.exec, ["firewall-cmd", "--state"]),
  ]);
  const runs = firewalld?.trim() === "running";
  const trusted = runs
    ? await output(host.exec, ["firewall-cmd", "--zone=trusted", "--list-interfaces"])
    : undefined;
  const policy = /^-P FORWARD (ACCEPT|DROP)/m.exec(forward ?? "")?.[1];
  return {
    forward: policy === "ACCEPT" || policy === "DROP" ? policy : undefined,
    rules: `${forward ?? ""}\n${docker ?? ""}`.split("\n").filter((line) => line !== ""),
    bridged: bridged?.trim() === "1",
    ufw: /^\s*ENABLED\s*=\s*"?yes/im.test(ufw ?? ""),
    ufwRules,
    firewalld: runs,
    trusted: (trusted ?? "").split(/\s+/).filter((word) => word !== ""),
  };
}

async function ourBridges(host: HostWindow): Promise<HostFacts["bridges"]> {
  const text = await output(host.exec, ["ip", "-json", "link", "show", "type", "bridge"]);
  return ((parseList(text) ?? []) as readonly IpLink[])
    .filter(({ ifalias }) => ifalias?.startsWith("flotilla:") === true)
    .map(({ ifname, ifalias }) => ({ name: ifname, cluster: (ifalias ?? "").slice("flotilla:".length) }));
}

async function openSockets(host: HostWindow): Promise<readonly string[] | undefined> {
  const table = await host.read("/proc/net/unix");
  return table?.split("\n").flatMap((line) => /\s(\/\S+)$/.exec(line)?.[1] ?? []);
}

function parseList(text: string | undefined): readonly unknown[] | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text === "" ? "[]" : text) as readonly unknown[];
  } catch {
    return undefined;
  }
}
