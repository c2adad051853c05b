import type { ClusterSpec, ProviderName } from "./model.ts";
import type { Finding, Path } from "./problem.ts";
import { isPrivate, parseAddress } from "./subnet.ts";

/** As much of a cluster as decides whether a provider can make it. */
export interface Fittable extends Pick<ClusterSpec, "sharedFolders" | "userData" | "vagrant"> {
  readonly os: {
    readonly name: ClusterSpec["os"]["name"];
    readonly channel: string;
    readonly version: string;
    readonly mirror?: string | undefined;
  };
  readonly ssh: Pick<ClusterSpec["ssh"], "insecureKey">;
  readonly network: Pick<ClusterSpec["network"], "internet">;
}

/** What this provider's machines cannot be or have, although cluster.yaml asks for it, each with the reason. */
export function misfits(cluster: Fittable, provider: ProviderName): Finding[] {
  const system = systemMisfit(cluster, provider);
  return [
    ...(system === undefined ? releaseMisfits(cluster, provider) : [system]),
    ...(provider === "nspawn" ? containerMisfits(cluster) : virtualMisfits(cluster)),
    ...(provider === "libvirt" ? libvirtMisfits(cluster) : []),
    ...keyMisfits(cluster, provider),
  ];
}

/** The system that machines run when cluster.yaml leaves the choice to us. */
export function systemOf(
  name: ClusterSpec["os"]["name"],
  provider: ProviderName,
): "debian" | "flatcar" | "coreos" {
  if (name !== "auto") return name;
  return provider === "virtualbox" ? "flatcar" : "debian";
}

function systemMisfit({ os }: Fittable, provider: ProviderName): Finding | undefined {
  const system = systemOf(os.name, provider);
  if (system === "debian" || provider === "virtualbox") return undefined;
  const path = ["os", "name"];
  if (provider === "nspawn") {
    const message = `${system} needs virtual machines; nspawn runs debian`;
    return { path, message, hint: "use auto, or provider: virtualbox" };
  }
  const message = `there is no ${system} box for ${provider}; its machines run debian`;
  return { path, message, hint: "use auto, or provider: virtualbox" };
}

function releaseMisfits({ os }: Fittable, provider: ProviderName): Finding[] {
  const system = systemOf(os.name, provider);
  const findings: Finding[] = [];
  if (system === "debian") {
    const set = { channel: os.channel !== "stable", version: os.version !== "current" };
    for (const key of ["channel", "version"] as const) {
      const message = `"${key}" chooses a Flatcar release, and these machines run debian`;
      if (set[key]) findings.push({ path: ["os", key], message });
    }
  }
  if (system === "coreos" && os.mirror === undefined) {
    findings.push({
      path: ["os"],
      message: "CoreOS is no longer published: its boxes come from a mirror that you name",
      hint: "write os: {name: coreos, mirror: https://…}, or use flatcar, its successor",
    });
  }
  if (system === "coreos" && os.channel === "lts") {
    findings.push({ path: ["os", "channel"], message: "CoreOS had the channels stable, beta and alpha" });
  }
  if (system === "debian" && os.mirror !== undefined) {
    findings.push({
      path: ["os", "mirror"],
      message: "a mirror is for the boxes of Flatcar and CoreOS, and these machines run debian",
    });
  }
  return findings;
}

function containerMisfits({ sharedFolders, vagrant }: Fittable): Finding[] {
  const findings: Finding[] = [];
  if (sharedFolders.length > 0) {
    findings.push({
      path: ["sharedFolders"],
      message:
        "nspawn shares no folders: its containers are root on this host, and a shared folder would be theirs",
      hint: "copy files with 'cluster cp', or use provider: virtualbox or libvirt",
    });
  }
  for (const key of changedSettings(vagrant)) {
    findings.push({
      path: ["vagrant", key],
      message: `only Vagrant's machines have "${key}", and nspawn's are none`,
    });
  }
  return findings;
}

/** What would silently not be kept is worse than what is refused. */
function virtualMisfits({ network }: Fittable): Finding[] {
  if (network.internet) return [];
  const message = "Vagrant's machines reach the Internet by the card through which Vagrant reaches them";
  return [{ path: ["network", "internet"], message, hint: "use provider: nspawn, or leave it out" }];
}

function libvirtMisfits({ vagrant }: Fittable): Finding[] {
  if (vagrant.cpuCap === 100) return [];
  return [{ path: ["vagrant", "cpuCap"], message: "only VirtualBox limits processors by percentage" }];
}

function changedSettings(vagrant: ClusterSpec["vagrant"]): string[] {
  const usual = {
    gui: false,
    serialLog: false,
    cpuCap: 100,
    shareHome: false,
    libvirtDriver: "auto",
  } as const;
  return (Object.keys(usual) as (keyof typeof usual)[]).filter((key) => vagrant[key] !== usual[key]);
}

/** The insecure key lets in whoever can reach a machine: only this host may. */
function keyMisfits({ ssh, userData }: Fittable, provider: ProviderName): Finding[] {
  if (ssh.insecureKey === "off" || (provider === "nspawn" && ssh.insecureKey === "auto")) return [];
  const path = ["ssh", "insecureKey"];
  if (provider === "nspawn") {
    const message = "nspawn's containers are root on this host: they take the cluster's own keys only";
    return [{ path, message, hint: "use auto or off" }];
  }
  const open = openNetwork(userData);
  if (open === undefined) return [];
  return [
    {
      path: open.path,
      message: `${open.what}: there, anybody could log in with Vagrant's insecure key`,
      hint: "set ssh.insecureKey to off, or keep the machines on the host-only network",
    },
  ];
}

/** A networkd unit of the user's that gives machines a bridged or a public address. */
function openNetwork(
  userData: ClusterSpec["userData"],
): { readonly path: Path; readonly what: string } | undefined {
  for (const [position, unit] of unitsOf(userData).entries()) {
    const { name, content } = (unit ?? {}) as { name?: unknown; content?: unknown };
    if (typeof name !== "string" || typeof content !== "string" || !/\.(network|netdev)$/.test(name))
      continue;
    const path = ["userData", "coreos", "units", position];
    if (/^\s*(Bridge|MACVLAN|IPVLAN)\s*=\s*\S/m.test(content))
      return { path, what: `${name} bridges a machine` };
    for (const [, address = ""] of content.matchAll(/^\s*Address\s*=\s*([^\s/]+)/gm)) {
      const number = parseAddress(address);
      if (number === undefined ? !/^f[cde]/i.test(address) : !isPrivate({ base: number, bits: 32 }))
        return { path, what: `${name} gives a machine the public address ${address}` };
    }
  }
  return undefined;
}

function unitsOf(userData: ClusterSpec["userData"]): readonly unknown[] {
  const { coreos } = userData as { coreos?: { units?: unknown } };
  return Array.isArray(coreos?.units) ? (coreos.units as unknown[]) : [];
}
