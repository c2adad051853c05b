import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import type { Exec } from "../../foundation/exec.ts";
import { writeAtomically } from "../../foundation/files.ts";
import { gatewayOf } from "../../spec/machines.ts";
import { netmask, subnetOf } from "../../spec/subnet.ts";
import type { ClusterPlan, ClusterRef, Lack } from "../provider.ts";
import type { Hypervisor, Inventory } from "./hypervisor.ts";
import { kvmWorks } from "./kvm.ts";
import { ensureMirror, removeMirror } from "./mirror.ts";
import { vmNames } from "./names.ts";
import { missingPrograms } from "./programs.ts";
import { explainFailure } from "./trouble.ts";

/** libvirt's own, shared by all users of the host; what vagrant-libvirt uses, too. */
const virsh = ["virsh", "--connect", "qemu:///system", "--quiet"] as const;
const programs = [
  ["virsh", "libvirt-clients"],
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["qemu-img", "qemu-utils"],
  ["dnsmasq", "dnsmasq-base"],
] as const;

/** QEMU's machines, through libvirt. */
export function libvirt(exec: Exec, clock: Clock): Hypervisor {
  const ask = async (args: readonly string[], signal?: AbortSignal): Promise<string> => {
    const argv = [...virsh, ...args] as const;
    const result = await exec.run({ argv: [...argv], timeout: 30_000, ...(signal ? { signal } : {}) });
    signal?.throwIfAborted();
    if (result.code === 0) return result.stdout;
    throw explainFailure(argv, result);
  };
  const works = async (args: readonly string[]): Promise<boolean> =>
    (await exec.run({ argv: [...virsh, ...args], timeout: 30_000 })).code === 0;

  const bringUpNetwork = async (cluster: ClusterPlan, signal: AbortSignal): Promise<void> => {
    const { network } = vmNames(cluster);
    if (!(await works(["net-info", network]))) {
      const file = join(cluster.stateDir, "vagrant", "network.xml");
      await writeAtomically(file, networkXml(cluster));
      await ask(["net-define", file], signal);
    }
    const active = (await ask(["net-list", "--name"], signal)).split("\n").map((name) => name.trim());
    if (!active.includes(network)) await ask(["net-start", network], signal);
  };

  return {
    name: "libvirt",
    parallel: true,
    check: (cluster) => checkLibvirt(exec, cluster),
    prepare: async (cluster, report, signal) => {
      await bringUpNetwork(cluster, signal);
      await ensureMirror({ exec, clock }, cluster, { report, signal });
    },
    look: async (): Promise<Inventory> => {
      const [all, active] = await Promise.all([ask(["list", "--uuid", "--all"]), ask(["list", "--uuid"])]);
      return { known: wordsOf(all), running: wordsOf(active) };
    },
    powerOff: async (id, signal) => {
      const result = await exec.run({ argv: [...virsh, "destroy", id], timeout: 30_000, signal });
      signal.throwIfAborted();
      // Somebody else, or the machine itself, was quicker.
      if (result.code === 0 || /domain is not running/.test(result.stderr)) return;
      throw explainFailure([...virsh, "destroy", id], result);
    },
    dispose: async (cluster: ClusterRef, signal) => {
      const { network } = vmNames(cluster);
      await removeMirror(cluster, clock);
      if (!(await works(["net-info", network]))) return;
      await exec.run({ argv: [...virsh, "net-destroy", network], signal });
      await ask(["net-undefine", network], signal);
    },
  };
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ""));
}

/**
 * The cluster's own network: this host and its machines, no way out (that is the other network card's business), no DHCP:
 * addresses are in the cloud-config.
 */
function networkXml(cluster: ClusterPlan): string {
  const { network, bridge } = vmNames(cluster);
  const mask = netmask(subnetOf(cluster.spec.network.subnet));
  return `<network>
  <name>${network}</name>
  <bridge name="${bridge}" stp="off" delay="0"/>
  <dns enable="no"/>
  <ip address="${gatewayOf(cluster.spec)}" netmask="${mask}"/>
</network>
`;
}

async function checkLibvirt(exec: Exec, cluster: ClusterPlan): Promise<readonly Lack[]> {
  if (process.platform !== "linux") {
    return [lack("Linux", "libvirt's machines exist on Linux only; use --provider virtualbox")];
  }
  const missing = await missingPrograms(exec, programs);
  if (missing.length > 0) return missing;
  const daemon = await exec.run({ argv: [...virsh, "version"], timeout: 10_000 });
  if (daemon.code !== 0) {
    const error = explainFailure([...virsh, "version"], daemon);
    return [lack(error.message, error.hint ?? "systemctl start libvirtd")];
  }
  const driver = cluster.spec.vagrant.libvirtDriver;
  if (driver !== "kvm" || (await kvmWorks(exec))) return [];
  return [
    lack(
      "KVM, which vagrant.libvirtDriver asks for: /dev/kvm runs no machine here",
      "set vagrant.libvirtDriver to qemu in cluster.yaml: QEMU's own emulation works everywhere, some ten times slower",
    ),
  ];
}

function lack(what: string, hint: string): Lack {
  return { code: "E_HOST_LACKS", what, hint };
}
