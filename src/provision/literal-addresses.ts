/**
 * The same value with `$private_ipv4` and `$public_ipv4` in all its texts replaced by the machine's address. What is
 * escaped (`\$private_ipv4`) is left to the node, which takes the backslash away.
 */
export function withLiteralAddresses(value: unknown, address: string): unknown {
  if (typeof value === "string") return value.replaceAll(/(?<!\\)\$(?:private|public)_ipv4/g, address);
  if (Array.isArray(value)) return value.map((inner) => withLiteralAddresses(inner, address));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, withLiteralAddresses(inner, address)]);
  return Object.fromEntries(entries) as unknown;
}
