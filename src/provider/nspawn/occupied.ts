import type { Subnet } from "./subnet.ts";
import { overlaps, parseSubnet } from "./subnet.ts";

/** As `ip -json address` gives it. */
export interface HostAddress {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly addr_info: readonly {
    readonly family: string;
    readonly local: string;
    readonly prefixlen: number;
  }[];
}

/** As `ip -json route` gives it. */
export interface HostRoute {
  readonly dst: string;
  readonly dev?: string;
}

/** VPNs that take all traffic split the Internet in halves; routes as wide as this are in nobody's way. */
const widest = 8;

/** Pure: who on the host uses addresses of this network; our own bridge does not count. One line each. */
export function subnetUsers(
  subnet: Subnet,
  ourBridge: string,
  links: readonly HostAddress[],
  routes: readonly HostRoute[],
): readonly string[] {
  const others = links.filter(({ ifname }) => ifname !== ourBridge);
  const byAddress = others.flatMap(({ ifname, addr_info }) =>
    addr_info
      .filter(({ family }) => family === "inet")
      .filter(({ local, prefixlen }) => overlaps(subnet, parseSubnet(`${local}/${prefixlen}`)))
      .map(({ local, prefixlen }) => `${ifname} has ${local}/${prefixlen}`),
  );
  const byRoute = routes
    .filter(({ dst, dev }) => dst !== "default" && dev !== ourBridge)
    .map(({ dst, dev }) => ({ dst, dev, network: parseSubnet(dst.includes("/") ? dst : `${dst}/32`) }))
    .filter(({ network }) => network.prefix >= widest && overlaps(subnet, network))
    .filter(({ dev }) => !byAddress.some((line) => line.startsWith(`${dev} `)))
    .map(({ dst, dev }) => `a route to ${dst}${dev === undefined ? "" : ` over ${dev}`}`);
  return [...byAddress, ...byRoute];
}

/** Pure: whether something listens on that port on every address. `table` as in /proc/net/tcp and tcp6. */
export function listensEverywhere(table: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").some((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return state === "0A" && /^0+:/.test(local ?? "") && local?.endsWith(`:${hex}`) === true;
  });
}
