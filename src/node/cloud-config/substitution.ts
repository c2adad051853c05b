import { type Problem, problemAt } from "./place.ts";

export const addressNames = ["public_ipv4", "private_ipv4", "public_ipv6", "private_ipv6"] as const;

export type AddressName = (typeof addressNames)[number];

/** The node's own addresses, as far as they are known. */
export type Addresses = Readonly<Partial<Record<AddressName, string>>>;

/**
 * Puts addresses in the place of `$private_ipv4` and the like, in the whole text and before it is read as YAML;
 * `\$private_ipv4` stands for itself. coreos-cloudinit puts nothing in the place of an address that it does not
 * know, which makes `http://:2379`; here that is a problem.
 */
export function substitute(
  text: string,
  addresses: Addresses,
): { readonly text: string; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const pattern = new RegExp(String.raw`(\\?)\$(${addressNames.join("|")})`, "g");
  const lines = text.split("\n").map((line, index) =>
    line.replaceAll(pattern, (found: string, escape: string, name: AddressName) => {
      if (escape !== "") return found.slice(1);
      const address = addresses[name];
      if (address !== undefined && address !== "") return address;
      if (!line.trimStart().startsWith("#")) {
        problems.push(problemAt({ key: "", line: index + 1 }, `$${name} is not known on this machine`));
      }
      return found;
    }),
  );
  return { text: lines.join("\n"), problems };
}

/** Addresses as they stand in a file like /etc/environment (`COREOS_PRIVATE_IPV4=…`). */
export function addressesIn(environment: Readonly<Record<string, string | undefined>>): Addresses {
  const known = addressNames.map((name) => [name, environment[variableOf(name)]] as const);
  return Object.fromEntries(known.filter(([, address]) => address !== undefined && address !== ""));
}

/** `private_ipv4` → `COREOS_PRIVATE_IPV4`. */
export function variableOf(name: AddressName): string {
  return `COREOS_${name.toUpperCase()}`;
}
