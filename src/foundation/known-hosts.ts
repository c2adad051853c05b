import { createHash } from "node:crypto";
import { AppError } from "./errors.ts";

/** A host key as a server shows it. */
export interface HostKey {
  /** E.g. `ssh-ed25519`. */
  readonly type: string;
  readonly base64: string;
}

/** One line of a known_hosts file. */
export interface KnownHost {
  /** As written: names, `[name]:port`, `*` and `?`, `!` in front for "not this one". */
  readonly patterns: readonly string[];
  readonly key: HostKey;
}

export interface KnownHosts {
  readonly hosts: readonly KnownHost[];
  /** Lines that were passed over, each with its number and why. */
  readonly warnings: readonly string[];
}

/** What known_hosts says of a key that a server shows. */
export type HostKeyVerdict = "known" | "unknown" | "changed";

/** Decides over a server's key before anything is told to that server. */
export interface HostKeyCheck {
  /** Key types known for the address (see `addressOf`); when there are some, the server is asked for these only. */
  types(address: string): readonly string[];
  /** Undefined accepts the key; an error (E_HOST_KEY) ends the connection. It may ask a person, so it takes its time. */
  check(address: string, key: HostKey): Promise<AppError | undefined>;
}

/** How known_hosts writes an address: the bare host on port 22, else `[host]:port`. */
export function addressOf(host: string, port = 22): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Reads a known_hosts text. Hashed names and `@` markers are passed over with a warning. */
export function parseKnownHosts(text: string): KnownHosts {
  const hosts: KnownHost[] = [];
  const warnings: string[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [names = "", type = "", base64 = ""] = line.split(/\s+/);
    const bad = problemOf(names, base64);
    if (bad === undefined) hosts.push({ patterns: names.split(","), key: { type, base64 } });
    else warnings.push(`line ${index + 1}: ${bad}`);
  }
  return { hosts, warnings };
}

function problemOf(names: string, base64: string): string | undefined {
  if (names.startsWith("@")) return `the marker ${names} is not supported`;
  if (names.startsWith("|")) return "hashed host names are not supported";
  return base64 === "" ? "not of the form 'host type key'" : undefined;
}

/** One line (with its new line) to append to a known_hosts file. */
export function knownHostsLine(addresses: readonly string[], key: HostKey): string {
  return `${addresses.join(",")} ${key.type} ${key.base64}\n`;
}

/** Whether a line's patterns mean the address: one must match, and none that is negated. Case matters. */
export function matchesAddress(patterns: readonly string[], address: string): boolean {
  const negated = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  if (negated.some((pattern) => matchesPattern(pattern, address))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && matchesPattern(pattern, address));
}

function matchesPattern(pattern: string, text: string): boolean {
  let [at, star, retry] = [0, -1, 0];
  for (let position = 0; position < text.length;) {
    if (pattern[at] === "*") {
      [star, retry] = [at++, position];
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[position])) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++retry;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** The keys that are known for an address. */
export function keysFor(known: KnownHosts, address: string): HostKey[] {
  return known.hosts.filter(({ patterns }) => matchesAddress(patterns, address)).map(({ key }) => key);
}

/** `known` when any line for the address holds this very key; `changed` when there are lines but none does. */
export function judge(known: KnownHosts, address: string, key: HostKey): HostKeyVerdict {
  const keys = keysFor(known, address);
  if (keys.length === 0) return "unknown";
  return keys.some(({ type, base64 }) => type === key.type && base64 === key.base64) ? "known" : "changed";
}

/** `SHA256:…`, as OpenSSH shows it. */
export function fingerprint(key: HostKey): string {
  const digest = createHash("sha256").update(Buffer.from(key.base64, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** The old form, 16 colon-separated bytes, as fleetctl shows it. */
export function md5Fingerprint(key: HostKey): string {
  const digest = createHash("md5").update(Buffer.from(key.base64, "base64")).digest("hex");
  return digest.match(/../g)?.join(":") ?? "";
}

/** Accepts only keys that are in `known`: for hosts whose keys we made ourselves. */
export function pinnedHostKeys(known: KnownHosts): HostKeyCheck {
  return {
    types: (address) => keysFor(known, address).map(({ type }) => type),
    check: async (address, key) => {
      const verdict = judge(known, address, key);
      return verdict === "known" ? undefined : hostKeyError(verdict, address, key, keysFor(known, address));
    },
  };
}

function hostKeyError(
  verdict: "unknown" | "changed",
  address: string,
  key: HostKey,
  expected: readonly HostKey[],
): AppError {
  const shown = `the host showed ${key.type} ${fingerprint(key)}`;
  if (verdict === "unknown") {
    return new AppError("E_HOST_KEY", `no ssh host key is known for ${address}`, {
      details: [shown],
      hint: "check that the address is one of this cluster's machines; their keys are in the cluster's known_hosts",
    });
  }
  return new AppError("E_HOST_KEY", `the ssh host key of ${address} is not the one that we know`, {
    details: [shown, ...expected.map((one) => `expected ${one.type} ${fingerprint(one)}`)],
    hint: "another machine may answer at this address: stop it, or destroy and recreate the node if its disk was replaced",
  });
}
