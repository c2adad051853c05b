import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import { injectsInsecureKey } from "../../provision/insecure-key.ts";
import { systemOf } from "../../spec/provider-fit.ts";
import type { OwnBox } from "../../provision/vagrant.ts";
import type { ClusterSpec, ProviderName } from "../../spec/model.ts";

/** What machines get that is neither in cluster.yaml nor made for the cluster: it lies on this host. */
export interface HostMaterials {
  /** Vagrant's well-known private key (RSA, PEM). */
  readonly insecureKey?: string;
  /** Our executable, for systems whose image does not bring it. */
  readonly executable?: { readonly source: string; readonly sha256: string };
  /** Our own box for virtual machines, when it has been built. */
  readonly box?: OwnBox;
  /** What could not be had, for the user. */
  readonly notes: readonly string[];
}

export interface MaterialPlaces {
  /** Vagrant's own folder: see `vagrantHome`. */
  readonly vagrantHome: string;
  /** Where `npm run build` puts our executable. */
  readonly executable: string;
  /** Finds our own box for virtual machines. */
  readonly findBox?: (kind: "libvirt" | "virtualbox") => Promise<OwnBox | undefined>;
}

/**
 * Reads what this cluster's machines need of this host. Vagrant writes its key when it first runs; without it, `auto`
 * goes on and says so.
 * @throws E_HOST_LACKS when `ssh.insecureKey: inject` asks for a key that is not there
 */
export async function readMaterials(
  spec: ClusterSpec,
  provider: ProviderName,
  places: MaterialPlaces,
): Promise<HostMaterials> {
  const notes: string[] = [];
  const inject = injectsInsecureKey(spec, provider);
  const insecureKey = inject ? (await findInsecureKey(places.vagrantHome))?.text : undefined;
  if (inject && insecureKey === undefined) {
    const path = insecureKeyPath(places.vagrantHome);
    const hint =
      "any command of Vagrant's writes it: run 'vagrant status' once, or set ssh.insecureKey to off";
    if (spec.ssh.insecureKey === "inject") {
      throw new AppError("E_HOST_LACKS", `Vagrant's insecure key is not in ${path}`, { hint });
    }
    notes.push(`the machines get no insecure_private_key, as there is none in ${path}: ${hint}`);
  }
  const wanted = provider !== "nspawn" && systemOf(spec.os.name, provider) === "flatcar";
  const sha256 = wanted ? await hashOf(places.executable) : undefined;
  if (wanted && sha256 === undefined) {
    notes.push(`fleet waits on the machines until ${places.executable} is built ('npm run build')`);
  }
  const box = await ownBox(spec, provider, places);
  return {
    ...(insecureKey === undefined ? {} : { insecureKey }),
    ...(box === undefined ? {} : { box }),
    ...(sha256 === undefined ? {} : { executable: { source: places.executable, sha256 } }),
    notes,
  };
}

/**
 * Vagrant's RSA key in its folder; undefined when Vagrant has never run. From 2.4 on another folder has it, too, beside
 * newer ones that old boxes do not know.
 */
export async function findInsecureKey(
  home: string,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  for (const path of [insecureKeyPath(home), join(home, "insecure_private_keys", "vagrant.key.rsa")]) {
    const text = await readIfExists(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

async function ownBox(
  spec: ClusterSpec,
  provider: ProviderName,
  places: MaterialPlaces,
): Promise<OwnBox | undefined> {
  if (provider !== "libvirt" && provider !== "virtualbox") return undefined;
  return systemOf(spec.os.name, provider) === "debian" ? await places.findBox?.(provider) : undefined;
}

function insecureKeyPath(home: string): string {
  return join(home, "insecure_private_key");
}

async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return hash.digest("hex");
}
