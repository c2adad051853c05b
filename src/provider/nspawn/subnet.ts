import { AppError } from "../../foundation/errors.ts";
import { hostAddress, networkOf, parseCidr, showAddress, sizeOf } from "../../spec/subnet.ts";

/** An IPv4 network as the host's tools name it. */
export interface Subnet {
  /** As it was written, with the host bits cleared: `192.168.56.0/24`. */
  readonly cidr: string;
  readonly prefix: number;
  /** The first host address; ours. */
  readonly gateway: string;
  readonly first: number;
  readonly last: number;
}

/** @throws E_CONFIG_INVALID when the text is no IPv4 network */
export function parseSubnet(text: string): Subnet {
  const parsed = parseCidr(text);
  if (parsed === undefined) {
    throw new AppError("E_CONFIG_INVALID", `${text} is not an IPv4 network such as 192.168.56.0/24`);
  }
  const { address, bits } = parsed;
  const first = networkOf(address, bits);
  return {
    cidr: `${showAddress(first)}/${bits}`,
    prefix: bits,
    gateway: hostAddress({ base: first, bits }, 1),
    first,
    last: first + sizeOf(bits) - 1,
  };
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.first <= b.last && b.first <= a.last;
}
