import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import {
  fingerprint,
  judge,
  keysFor,
  knownHostsLine,
  md5Fingerprint,
  parseKnownHosts,
} from "../../foundation/known-hosts.ts";
import type { HostKey, HostKeyCheck } from "../../foundation/known-hosts.ts";

export interface HostKeyRules {
  /** The known_hosts file; made when the first key is accepted. */
  readonly path: string;
  /** Ask before an unknown key is accepted; else unknown keys are taken for this connection only. */
  readonly strict: boolean;
  readonly stdin: Readable;
  readonly stderr: Writable;
}

/** Checks host keys against fleetctl's known_hosts, and asks about hosts that are not in it. */
export async function fleetctlHostKeys(rules: HostKeyRules): Promise<HostKeyCheck> {
  const known = parseKnownHosts((await readIfExists(rules.path)) ?? "");
  for (const warning of known.warnings) rules.stderr.write(`WARN ${rules.path}: ${warning}\n`);
  return {
    types: (address) => keysFor(known, address).map(({ type }) => type),
    check: async (address, key) => {
      const verdict = judge(known, address, key);
      if (verdict === "known") return undefined;
      if (verdict === "changed") return changed(rules, address, key);
      return rules.strict ? await ask(rules, address, key) : undefined;
    },
  };
}

function changed(rules: HostKeyRules, address: string, key: HostKey): AppError {
  const line = "@".repeat(59);
  const title = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @";
  rules.stderr.write(`${line}\n${title}\n${line}\n`);
  rules.stderr.write("Either somebody pretends to be this host, or the host was made anew.\n");
  rules.stderr.write(`It shows ${algorithm(key)} key ${md5Fingerprint(key)} (${fingerprint(key)}).\n`);
  return new AppError("E_HOST_KEY", "host key mismatch", {
    details: [`host: ${address}`],
    hint: `if the host was made anew, remove its line from ${rules.path}`,
  });
}

async function ask(rules: HostKeyRules, address: string, key: HostKey): Promise<AppError | undefined> {
  const name = algorithm(key);
  rules.stderr.write(`The authenticity of host '${address}' can't be established.\n`);
  rules.stderr.write(`${name} key fingerprint is ${md5Fingerprint(key)}.\n`);
  rules.stderr.write("Are you sure you want to continue connecting (yes/no)? ");
  const answer = (await readLine(rules.stdin)).trim().toLowerCase();
  if (answer !== "yes" && answer !== "y") {
    rules.stderr.write("Host key verification failed.\n");
    return new AppError("E_HOST_KEY", "unauthorized host", {
      details: [`host: ${address}`],
      hint: `${rules.path} has no key for this host; answer yes to add it`,
    });
  }
  await mkdir(dirname(rules.path), { recursive: true, mode: 0o700 });
  await appendFile(rules.path, knownHostsLine([address], key), { mode: 0o644 });
  rules.stderr.write(`Warning: Permanently added '${address}' (${name}) to the list of known hosts.\n`);
  return undefined;
}

/** The next line of input; empty at its end. */
async function readLine(input: Readable): Promise<string> {
  const reader = createInterface({ input });
  try {
    return await new Promise<string>((resolve) => {
      reader.once("line", resolve);
      reader.once("close", () => resolve(""));
    });
  } finally {
    reader.close();
  }
}

function algorithm({ type }: HostKey): string {
  if (type === "ssh-rsa") return "RSA";
  if (type === "ssh-dss") return "DSA";
  return type.startsWith("ecdsa-") ? "ECDSA" : type;
}
