/** IPv4 subnets, as arithmetic on numbers. */

export interface Subnet {
  /** The network address as a number. */
  readonly base: number;
  /** The length of the prefix, 0–32. */
  readonly bits: number;
}

const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** Reads `192.168.56.0/24`; undefined when it is no CIDR. The host part may be non-zero: see `networkOf`. */
export function parseCidr(text: string): { readonly address: number; readonly bits: number } | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(text);
  const address = parseAddress(match?.[1] ?? "");
  const bits = Number(match?.[2]);
  return address === undefined || bits > 32 ? undefined : { address, bits };
}

/** The subnet of a CIDR that is known to be right. */
export function subnetOf(cidr: string): Subnet {
  const parsed = parseCidr(cidr);
  if (parsed === undefined) throw new RangeError(`not a subnet: ${cidr}`);
  return { base: networkOf(parsed.address, parsed.bits), bits: parsed.bits };
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function showAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** How many addresses a prefix spans, network and broadcast address included. */
export function sizeOf(bits: number): number {
  return 2 ** (32 - bits);
}

/** The first address of the subnet that `address` lies in. */
export function networkOf(address: number, bits: number): number {
  return address - (address % sizeOf(bits));
}

/** The address with this host number: 1 is the gateway. */
export function hostAddress(subnet: Subnet, host: number): string {
  return showAddress(subnet.base + host);
}

/** `255.255.255.0` */
export function netmask(subnet: Subnet): string {
  return showAddress(2 ** 32 - sizeOf(subnet.bits));
}

export function contains(outer: Subnet, inner: Subnet): boolean {
  return inner.bits >= outer.bits && networkOf(inner.base, outer.bits) === outer.base;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return contains(a, b) || contains(b, a);
}

/** Whether it lies in one of the ranges that never meet the Internet (RFC 1918). */
export function isPrivate(subnet: Subnet): boolean {
  return privateRanges.some((range) => contains(subnetOf(range), subnet));
}
