import type { Sight, Trouble } from "../finding.ts";
import { isAtLeast } from "../version.ts";

/** The first Vagrant that knows each VirtualBox, newest first. */
const firstVagrant: readonly { readonly virtualbox: string; readonly vagrant: string }[] = [
  { virtualbox: "7.2", vagrant: "2.4.9" },
  { virtualbox: "7.1", vagrant: "2.4.2" },
  { virtualbox: "7.0", vagrant: "2.3.2" },
];

/** What our Vagrantfile asks for. */
const oldest = "2.2.19";

/** Vagrant, its plugins, and libvirt below it. */
export const vagrantTroubles: readonly Trouble[] = [
  {
    id: "vagrant-missing",
    severity: "error",
    title: "Vagrant is not installed",
    providers: ["virtualbox", "libvirt"],
    fix: "install it from https://developer.hashicorp.com/vagrant/install (Debian: apt-get install vagrant)",
    see: ({ vagrant }) =>
      vagrant?.state === "missing" ? { evidence: "there is no program vagrant" } : undefined,
  },
  {
    id: "vagrant-broken",
    severity: "error",
    title: "Vagrant does not answer",
    providers: ["virtualbox", "libvirt"],
    fix: "try 'vagrant --version' by hand; 'vagrant plugin repair' or 'vagrant plugin expunge' help when a plugin is broken",
    see: ({ vagrant }) => {
      if (vagrant?.state === "hangs") return { evidence: "'vagrant --version' did not end in time" };
      return vagrant?.state === "fails"
        ? { evidence: `'vagrant --version' failed: ${vagrant.says}` }
        : undefined;
    },
  },
  {
    id: "vagrant-too-old",
    severity: "error",
    title: "this Vagrant is too old",
    providers: ["virtualbox", "libvirt"],
    fix: `install Vagrant ${oldest} or later`,
    see: ({ vagrant }) =>
      vagrant?.state === "works" && !isAtLeast(vagrant.version, oldest)
        ? { evidence: `it is ${vagrant.version}; the Vagrantfile needs ${oldest}` }
        : undefined,
  },
  {
    id: "vagrant-virtualbox-versions",
    severity: "error",
    title: "this Vagrant does not know this VirtualBox",
    providers: ["virtualbox"],
    fix: "install the newest Vagrant",
    see: ({ vagrant, virtualbox, platform }) =>
      vagrant?.state === "works" && virtualbox?.state === "works"
        ? misfit(vagrant.version, virtualbox.version, platform)
        : undefined,
  },
  {
    id: "vagrant-libvirt-missing",
    severity: "error",
    title: "Vagrant's plugin for libvirt is not installed",
    providers: ["libvirt"],
    fix: "vagrant plugin install vagrant-libvirt (Debian: apt-get install vagrant-libvirt)",
    see: ({ vagrant, vagrantPlugins }) =>
      vagrant?.state === "works" && vagrantPlugins?.includes("vagrant-libvirt") === false
        ? { evidence: `'vagrant plugin list' names ${vagrantPlugins.join(", ") || "none"}` }
        : undefined,
  },
  {
    id: "libvirt-missing",
    severity: "error",
    title: "libvirt is not installed",
    providers: ["libvirt"],
    fix: "apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86 dnsmasq-base",
    see: ({ libvirt }) =>
      libvirt?.state === "missing" ? { evidence: "there is no program virsh" } : undefined,
  },
  {
    id: "libvirt-daemon",
    severity: "error",
    title: "libvirt's daemon cannot be reached",
    providers: ["libvirt"],
    fix: "sudo systemctl start libvirtd (or virtqemud.socket)",
    see: ({ libvirt, libvirtDaemon }) => {
      if (libvirt?.state === "missing" || libvirtDaemon === undefined) return undefined;
      if (libvirtDaemon.state === "hangs")
        return { evidence: "'virsh -c qemu:///system uri' did not end in time" };
      if (libvirtDaemon.state !== "fails") return undefined;
      const { says } = libvirtDaemon;
      const group = /permission denied|authentication/i.test(says)
        ? { fix: 'sudo usermod -aG libvirt "$USER", then log out and in again' }
        : {};
      return { evidence: says, ...group };
    },
  },
];

function misfit(vagrant: string, virtualbox: string, platform: string): Sight | undefined {
  const known = firstVagrant.find((pair) => isAtLeast(virtualbox, pair.virtualbox));
  if (known === undefined) return undefined;
  // On a Mac, VirtualBox 7.0's host-only networks came one release later.
  const needed = known.virtualbox === "7.0" && platform === "darwin" ? "2.3.3" : known.vagrant;
  if (isAtLeast(vagrant, needed)) return undefined;
  return {
    evidence: `VirtualBox ${virtualbox} needs Vagrant ${needed} or later; this is ${vagrant}`,
    fix: `install Vagrant ${needed} or later, or an older VirtualBox`,
  };
}
