import { AppError } from "../../foundation/errors.ts";

/** An IPv4 network. */
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
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text);
  const address = match === null ? undefined : addressNumber(match[1] ?? "");
  const prefix = Number(match?.[2]);
  if (address === undefined || prefix > 32) {
    throw new AppError("E_CONFIG_INVALID", `${text} is not an IPv4 network such as 192.168.56.0/24`);
  }
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return {
    cidr: `${addressText(first)}/${prefix}`,
    prefix,
    gateway: addressText(first + 1),
    first,
    last: first + size - 1,
  };
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function addressNumber(text: string): number | undefined {
  const bytes = text.split(".").map(Number);
  if (bytes.some((byte) => !Number.isInteger(byte) || byte > 255)) return undefined;
  return bytes.reduce((total, byte) => total * 256 + byte, 0);
}

function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
