import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { knownHostsLine } from "../../foundation/known-hosts.ts";
import { generateKeyPair } from "../../foundation/ssh-keys.ts";
import type { ClusterKeys, KeyPair } from "../../provision/keys.ts";
import { makeFolder, ownedBy, type Owner } from "./owner.ts";

/** Where the operator's private key of a cluster lies. */
export function operatorKeyPath(stateDir: string): string {
  return join(stateDir, "keys", "operator");
}

/** Where the host keys of a cluster's nodes are pinned. */
export function knownHostsPath(stateDir: string): string {
  return join(stateDir, "known_hosts");
}

export interface KeysRequest {
  readonly stateDir: string;
  readonly cluster: string;
  readonly owner: Owner | undefined;
  readonly machines: readonly { readonly name: string; readonly address: string }[];
}

export interface KeysOnDisk {
  readonly keys: ClusterKeys;
  /** The text of the cluster's known_hosts. */
  readonly knownHosts: string;
}

/** Reads the cluster's keys, makes those that are missing, and pins the host keys in known_hosts. */
export async function ensureKeys(request: KeysRequest): Promise<KeysOnDisk> {
  const { stateDir, cluster, owner, machines } = request;
  const folder = join(stateDir, "keys");
  await makeFolder(stateDir, 0o700, owner);
  await makeFolder(folder, 0o700, owner);
  const pair = (file: string, comment: string): Promise<KeyPair> =>
    ensurePair(join(folder, file), comment, owner);
  const [etcdToken, operator, nodes, ...hosts] = await Promise.all([
    ensureToken(join(folder, "etcd-token"), owner),
    pair("operator", `${cluster} operator`),
    pair("nodes", `${cluster} nodes`),
    ...machines.map(({ name }) => pair(`host-${name}`, `${cluster} ${name}`)),
  ]);
  const byName = Object.fromEntries(machines.map(({ name }, index) => [name, hosts[index] as KeyPair]));
  const pinned = machines.map(({ name, address }) => {
    const [type = "", base64 = ""] = (byName[name]?.publicKey ?? "").split(" ");
    // Their ssh ports may also be forwarded to this host's loopback, where any port may be any of them.
    return knownHostsLine([name, address, "[127.0.0.1]:*"], { type, base64 });
  });
  const knownHosts = pinned.join("");
  await writeIfChanged(knownHostsPath(stateDir), knownHosts, 0o644, owner);
  return { keys: { operator, nodes, hosts: byName, etcdToken }, knownHosts };
}

async function ensurePair(path: string, comment: string, owner: Owner | undefined): Promise<KeyPair> {
  const [privateKey, publicKey] = await Promise.all([readIfExists(path), readIfExists(`${path}.pub`)]);
  if (privateKey !== undefined && publicKey !== undefined) return { privateKey, publicKey: publicKey.trim() };
  const made = await generateKeyPair(comment);
  await writeAtomically(path, made.privateKey, { mode: 0o600, ...ownedBy(owner) });
  // Second, so that a pair without its public half was never given to anyone.
  await writeAtomically(`${path}.pub`, `${made.publicKey}\n`, { mode: 0o644, ...ownedBy(owner) });
  return made;
}

async function ensureToken(path: string, owner: Owner | undefined): Promise<string> {
  const known = await readIfExists(path);
  if (known !== undefined) return known.trim();
  const token = randomBytes(8).toString("hex");
  await writeAtomically(path, `${token}\n`, { mode: 0o600, ...ownedBy(owner) });
  return token;
}

async function writeIfChanged(
  path: string,
  text: string,
  mode: number,
  owner: Owner | undefined,
): Promise<void> {
  if ((await readIfExists(path)) === text) return;
  await writeAtomically(path, text, { mode, ...ownedBy(owner) });
}

/** What is needed to log in to a cluster's nodes. */
export interface Login {
  readonly privateKey: string;
  /** The text of the cluster's known_hosts. */
  readonly knownHosts: string;
}

/** Reads what `ensureKeys` wrote. @throws E_STATE_CONFLICT when it is not there */
export async function readLogin(stateDir: string): Promise<Login> {
  const [privateKey, knownHosts] = await Promise.all([
    readIfExists(operatorKeyPath(stateDir)),
    readIfExists(knownHostsPath(stateDir)),
  ]);
  if (privateKey !== undefined && knownHosts !== undefined) return { privateKey, knownHosts };
  throw new AppError("E_STATE_CONFLICT", `the cluster's keys are missing in ${stateDir}`, {
    hint: "destroy the cluster and bring it up again",
  });
}
