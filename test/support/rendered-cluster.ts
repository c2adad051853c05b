import type { ClusterKeys, KeyPair } from "../../src/provision/keys.ts";
import { renderUserData, type UserDataInput } from "../../src/provision/user-data.ts";
import { renderVagrantFolder } from "../../src/provision/vagrant.ts";
import type { ExecutableFile, RenderedFile } from "../../src/provision/vagrant.ts";
import { loadSpec } from "../../src/spec/load.ts";
import { machinesOf } from "../../src/spec/machines.ts";
import type { ClusterSpec, MachineSpec, ProviderName } from "../../src/spec/model.ts";

/** A cluster whose cluster.yaml has these lines, with keys that are the same in every run. */
export interface TestCluster {
  readonly spec: ClusterSpec;
  readonly machines: readonly MachineSpec[];
  readonly keys: ClusterKeys;
}

export function aCluster(lines = ""): TestCluster {
  const loaded = loadSpec(`version: 1\nname: demo\n${lines}`, "cluster.yaml");
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  const machines = machinesOf(loaded.spec);
  return { spec: loaded.spec, machines, keys: fixedKeys(machines.map(({ name }) => name)) };
}

/** What a test may add to what a node is rendered from. */
export type Extras = Partial<Pick<UserDataInput, "again" | "discovery" | "executable" | "insecureKey">>;

/** The cloud-config of the cluster's machine with this number (from 1). */
export function userDataOf(
  cluster: TestCluster,
  index: number,
  provider: ProviderName = "nspawn",
  extras: Extras = {},
): string {
  const machine = cluster.machines[index - 1];
  if (machine === undefined) throw new Error(`no machine ${index}`);
  return renderUserData({ ...cluster, machine, provider, ...extras });
}

/** The folder for Vagrant. */
export function vagrantFolderOf(
  cluster: TestCluster,
  provider: ProviderName = "virtualbox",
  { executable, ...extras }: Omit<Extras, "executable"> & { readonly executable?: ExecutableFile } = {},
): RenderedFile[] {
  const ofNode: Extras = {
    ...extras,
    ...(executable === undefined ? {} : { executable: executable.sha256 }),
  };
  const texts = cluster.machines.map(({ name, index }) => [
    name,
    userDataOf(cluster, index, provider, ofNode),
  ]);
  const userData = Object.fromEntries(texts) as Record<string, string>;
  return renderVagrantFolder({
    ...cluster,
    userData,
    provider,
    ...(executable === undefined ? {} : { executable }),
  });
}

function fixedKeys(names: readonly string[]): ClusterKeys {
  return {
    operator: pair("operator"),
    nodes: pair("nodes"),
    hosts: Object.fromEntries(names.map((name) => [name, pair(`host-${name}`)])),
    etcdToken: "demo-0123456789abcdef",
  };
}

/** Looks like a key pair; opens nothing. */
function pair(comment: string): KeyPair {
  const body = Buffer.from(`not a real key, but of ${comment}`).toString("base64");
  const prefix = "AAAAC3NzaC1lZDI1NTE5AAAAI";
  return {
    publicKey: `ssh-ed25519 ${prefix}${body.replaceAll("=", "A")} ${comment}`,
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`,
  };
}
