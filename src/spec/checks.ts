import { checkUserData } from "./cloud-config.ts";
import { imageNames } from "./fields.ts";
import { machineNames } from "./machines.ts";
import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./problem.ts";
import { misfits } from "./provider-fit.ts";
import { checkProxy } from "./proxy.ts";
import type { ClusterFile } from "./schema.ts";
import { contains, showAddress, sizeOf, subnetOf } from "./subnet.ts";

/** What takes more than one value of cluster.yaml to judge. */
interface Check {
  /** The values it looks at: it is left out when one of them is wrong in itself. */
  readonly needs: readonly Path[];
  readonly find: (file: ClusterFile) => readonly Finding[];
}

/** The host's first port for ssh: machine N is reached at 2221 + N. */
const firstSshPort = 2222;

/** The same for docker's API, where it is exposed. */
const dockerTcpPort = 2375;

const fitting = ["os", "ssh", "sharedFolders", "vagrant", "userData"];

const checks: readonly Check[] = [
  { needs: [["machines"]], find: strayOverrides },
  { needs: [["network"], ["machines", "count"]], find: addresses },
  { needs: [["network"], ["machines", "count"], ["provider"]], find: virtualBoxNetwork },
  { needs: [["etcd"], ["machines", "count"]], find: members },
  { needs: [["docker"]], find: images },
  { needs: [["ports"], ["docker"], ["machines", "count"]], find: ports },
  { needs: [["services"]], find: services },
  { needs: [...fitting.map((key) => [key]), ["provider"]], find: providerFit },
  { needs: [["proxy"]], find: ({ proxy }) => (proxy === undefined ? [] : checkProxy(proxy)) },
  { needs: [["userData"]], find: (file) => checkUserData(file.userData) },
];

/** Runs every check whose values are sound; `wrong` are the paths that were found wrong already. */
export function crossCheck(file: ClusterFile, wrong: readonly Path[]): Finding[] {
  const sound = (need: Path): boolean => !wrong.some((path) => isWithin(path, need) || isWithin(need, path));
  return checks.filter(({ needs }) => needs.every(sound)).flatMap(({ find }) => find(file));
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.every((part, depth) => String(path[depth]) === String(part));
}

function strayOverrides({ machines }: ClusterFile): Finding[] {
  const names = machineNames(machines.prefix, machines.count);
  return Object.keys(machines.overrides)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const close = nearest(name, names);
      const range = names.length === 1 ? "is" : "are";
      const all = names.length === 1 ? (names[0] ?? "") : `${names[0] ?? ""} … ${names.at(-1) ?? ""}`;
      return {
        path: ["machines", "overrides", name],
        atKey: true,
        message: `there is no machine "${name}": the machines ${range} ${all}`,
        ...(close === undefined ? {} : { hint: `did you mean "${close}"?` }),
      };
    });
}

function addresses({ network, machines }: ClusterFile): Finding[] {
  const subnet = subnetOf(network.subnet);
  const last = sizeOf(subnet.bits) - 2;
  if (network.first + machines.count - 1 <= last) return [];
  const room = Math.max(0, last - network.first + 1);
  return [
    {
      path: ["network", "first"],
      message: `${machines.count} machines from number ${network.first} on leave ${network.subnet}: its last is ${showAddress(subnet.base + last)}`,
      hint: `there is room for ${room}: choose a smaller "first", fewer machines, or a larger subnet`,
    },
  ];
}

function virtualBoxNetwork({ provider, network, machines }: ClusterFile): Finding[] {
  if (provider !== "virtualbox") return [];
  const subnet = subnetOf(network.subnet);
  const findings: Finding[] = [];
  if (!contains(subnetOf("192.168.56.0/21"), subnet)) {
    findings.push({
      path: ["network", "subnet"],
      level: "warning",
      message: `VirtualBox allows host-only networks within 192.168.56.0/21 only, not ${network.subnet}`,
      hint: `choose one there, or write '* ${network.subnet}' into /etc/vbox/networks.conf`,
    });
  }
  const last = network.first + machines.count - 1;
  if (last >= 100 && network.first <= 254) {
    findings.push({
      path: ["network", "first"],
      level: "warning",
      message: `VirtualBox's own DHCP server may give away the addresses from number 100 on; the machines reach ${last}`,
      hint: "choose numbers below 100, or remove that DHCP server",
    });
  }
  return findings;
}

function members({ etcd, machines }: ClusterFile): Finding[] {
  if (etcd.members === undefined || etcd.members <= machines.count) return [];
  return [
    {
      path: ["etcd", "members"],
      message: `${etcd.members} members need as many machines; there ${machines.count === 1 ? "is" : "are"} ${machines.count}`,
      hint: 'leave "members" out to have it chosen',
    },
  ];
}

function images({ docker }: ClusterFile): Finding[] {
  const names = docker.images ?? [];
  if (!docker.mirror && names.length > 0) {
    return [
      {
        path: ["docker", "images"],
        message: "images are held by the mirror, and there is none",
        hint: "set docker.mirror to true, or leave out images",
      },
    ];
  }
  return duplicates(names, imageNames).map((position) => ({
    path: ["docker", "images", position],
    message: `"${names[position] ?? ""}" is listed twice`,
  }));
}

function ports({ ports, machines, docker }: ClusterFile): Finding[] {
  const lastSshPort = firstSshPort + machines.count - 1;
  const lastDockerPort = docker.exposeTcp ? dockerTcpPort + machines.count - 1 : 0;
  const entries = Object.entries(ports);
  return entries.flatMap(([guest, host], position): Finding[] => {
    const path = ["ports", guest];
    const twin = entries.slice(0, position).find(([, other]) => other === host);
    if (twin !== undefined)
      return [{ path, message: `port ${host} of this host is taken by guest port ${twin[0]}` }];
    if (host >= dockerTcpPort && host <= lastDockerPort) {
      const message = `ports ${dockerTcpPort} to ${lastDockerPort} of this host lead to the machines' docker`;
      return [{ path, message, hint: "choose another port" }];
    }
    if (host < firstSshPort || host > lastSshPort) return [];
    return [
      {
        path,
        message: `ports ${firstSshPort} to ${lastSshPort} of this host lead to the machines' ssh`,
        hint: "choose another port",
      },
    ];
  });
}

function services({ services }: ClusterFile): Finding[] {
  const names = services.map((path) => path.slice(path.lastIndexOf("/") + 1));
  return duplicates(names, names).map((position) => ({
    path: ["services", position],
    message: `a unit named ${names[position] ?? ""} is listed already`,
  }));
}

/** The positions of entries that stood in the list before. */
function duplicates(entries: readonly string[], among: readonly string[]): number[] {
  return [...entries.keys()].filter((position) => {
    const entry = entries[position] ?? "";
    return among.includes(entry) && entries.indexOf(entry) < position;
  });
}

/** With `auto` it is judged once the provider is chosen. */
function providerFit(file: ClusterFile): Finding[] {
  return file.provider === "auto" ? [] : misfits(file, file.provider);
}
