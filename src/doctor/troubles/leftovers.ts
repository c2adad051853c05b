import { isClusterMachine, vmNames } from "../../provider/vagrant/names.ts";
import type { Trouble } from "../finding.ts";

/** What clusters that are no more have left behind. */
export const leftoverTroubles: readonly Trouble[] = [
  {
    id: "leftover-bridge",
    severity: "warning",
    title: "a bridge was left behind by a cluster whose supervisor is gone",
    providers: ["nspawn"],
    fix: "run 'cluster up' or 'cluster destroy' in that cluster's folder",
    see: ({ bridges, sockets }) => {
      if (sockets === undefined) return undefined;
      const dead = bridges.filter(({ name }) => !sockets.some((path) => isSupervisorOf(path, name)));
      if (dead.length === 0) return undefined;
      const remove = dead.map(({ name }) => `sudo ip link delete ${name}`).join(" && ");
      return {
        evidence: dead.map(({ name, cluster }) => `${name} of the cluster ${cluster}`).join(", "),
        fix: `run 'cluster up' or 'cluster destroy' in that cluster's folder; if the folder is gone: ${remove}`,
      };
    },
  },
  {
    id: "leftover-machines",
    severity: "warning",
    title: "the hypervisor has machines of clusters whose folders are gone",
    providers: ["virtualbox", "libvirt"],
    fix: "remove them in the hypervisor",
    see: ({ virtualboxMachines, libvirtMachines, clusterFolders }) => {
      if (clusterFolders === undefined) return undefined;
      const lost = [...(virtualboxMachines ?? []), ...(libvirtMachines ?? [])].filter(
        (name) => isClusterMachine(name) && !clusterFolders.some((dir) => isMachineOf(dir, name)),
      );
      const [first] = lost;
      if (first === undefined) return undefined;
      const virsh = "virsh -c qemu:///system";
      return {
        evidence: lost.join(", "),
        fix:
          virtualboxMachines === undefined
            ? `for each: ${virsh} destroy ${first}; ${virsh} undefine ${first} --remove-all-storage`
            : `for each: VBoxManage controlvm ${first} poweroff; VBoxManage unregistervm ${first} --delete`,
      };
    },
  },
  {
    id: "virtualbox-inaccessible-machines",
    severity: "warning",
    title: "VirtualBox lists machines whose files are gone; their names and disks stay taken",
    providers: ["virtualbox"],
    fix: "for each: VBoxManage unregistervm UUID ('VBoxManage list vms' tells the UUIDs)",
    see: ({ virtualboxMachines }) => {
      const count = virtualboxMachines?.filter((name) => name === "<inaccessible>").length ?? 0;
      return count > 0
        ? { evidence: `${count} of ${virtualboxMachines?.length} are <inaccessible>` }
        : undefined;
    },
  },
];

/** The cluster's name stands in the machine's, its folder in the id behind. */
function isMachineOf(dir: string, machine: string): boolean {
  const name = /^flotilla-(.+)-[0-9a-f]{8}-/.exec(machine)?.[1] ?? "";
  return machine.startsWith(vmNames({ name, dir }).prefix);
}

/** `/run/flotilla/NAME-ID/supervisor.sock` is the supervisor of the bridge `fl-ID`. */
function isSupervisorOf(path: string, bridge: string): boolean {
  return path.endsWith(`${bridge.slice("fl".length)}/supervisor.sock`);
}
