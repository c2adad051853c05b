import { contains, parseCidr, subnetOf, networkOf, type Subnet } from "../../spec/subnet.ts";
import type { HostFacts, ProgramFacts } from "../facts.ts";
import type { Sight, Trouble } from "../finding.ts";
import { isAtLeast } from "../version.ts";

/** VirtualBox itself, and what it quarrels with. */
export const virtualboxTroubles: readonly Trouble[] = [
  {
    id: "virtualbox-missing",
    severity: "error",
    title: "VirtualBox is not installed",
    providers: ["virtualbox"],
    fix: "install it from https://www.virtualbox.org/wiki/Downloads, or use another --provider",
    see: ({ virtualbox }) =>
      virtualbox?.state === "missing" ? { evidence: "there is no program VBoxManage" } : undefined,
  },
  {
    id: "virtualbox-silent",
    severity: "error",
    title: "VirtualBox does not answer",
    providers: ["virtualbox"],
    fix: "close its windows, end the processes VBoxSVC and VBoxManage, then try 'VBoxManage --version' by hand",
    see: ({ virtualbox }) => {
      if (virtualbox?.state === "hangs") return { evidence: "'VBoxManage --version' did not end in time" };
      return virtualbox?.state === "fails"
        ? { evidence: `'VBoxManage --version' failed: ${virtualbox.says}` }
        : undefined;
    },
  },
  {
    id: "virtualbox-driver",
    severity: "error",
    title: "VirtualBox's kernel driver is not loaded",
    providers: ["virtualbox"],
    fix: "sudo /sbin/vboxconfig (it needs the kernel's headers; with Secure Boot the module must be signed as well)",
    see: ({ virtualbox, wsl }) =>
      !wsl && virtualbox?.state === "works" && /vboxdrv.*(not loaded|does not exist)/.test(virtualbox.says)
        ? { evidence: "VBoxManage warns that vboxdrv is not loaded" }
        : undefined,
  },
  {
    id: "virtualbox-against-kvm",
    severity: "error",
    title: "KVM holds the processor's virtualization, so VirtualBox cannot start a machine",
    providers: ["virtualbox"],
    fix: "now: sudo modprobe -r kvm_intel (or kvm_amd); for good: echo 'options kvm enable_virt_at_load=0' | sudo tee /etc/modprobe.d/virtualbox.conf; or use VirtualBox 7.2.10 or later on Linux 6.16 or later",
    see: (facts) => kvmHolds(facts),
  },
  {
    id: "virtualbox-needs-kvm",
    severity: "error",
    title: "VirtualBox needs KVM's help here, and KVM was told not to help",
    providers: ["virtualbox"],
    fix: "remove 'enable_virt_at_load=0' from /etc/modprobe.d and from the kernel's command line, then start the computer again",
    see: ({ virtualbox, kvm, kernel }) =>
      sharesWithKvm(virtualbox, kernel) && kvm?.module !== undefined && kvm.enabledAtLoad === false
        ? {
            evidence: `VirtualBox ${versionOf(virtualbox)}, Linux ${kernel}, ${kvm.module}, enable_virt_at_load=N`,
          }
        : undefined,
  },
  {
    id: "host-only-range",
    severity: "error",
    title: "VirtualBox does not allow the cluster's network",
    providers: ["virtualbox"],
    fix: "set network.subnet in cluster.yaml to a network inside 192.168.56.0/21",
    see: (facts, { cluster }) => forbiddenRange(facts, cluster.spec.network.subnet),
  },
];

/**
 * Since 7.2.10 VirtualBox asks KVM for the processor, where the kernel offers that: from 6.16 on. It was seen to share on
 * 6.17, 6.18 and 7.x (VirtualBox/virtualbox#711, void-linux/void-packages#61332), and not to on 6.12.
 */
function sharesWithKvm(virtualbox: ProgramFacts | undefined, kernel: string): boolean {
  return (
    virtualbox?.state === "works" && isAtLeast(virtualbox.version, "7.2.10") && isAtLeast(kernel, "6.16")
  );
}

function kvmHolds({ virtualbox, kvm, kernel, platform }: HostFacts): Sight | undefined {
  if (platform !== "linux" || virtualbox?.state !== "works" || sharesWithKvm(virtualbox, kernel))
    return undefined;
  if (kvm?.module === undefined || kvm.enabledAtLoad !== true || !isAtLeast(kernel, "6.12")) return undefined;
  return { evidence: `VirtualBox ${virtualbox.version}, Linux ${kernel}, ${kvm.module} is loaded` };
}

/** Only Linux, and VirtualBox before 7 on a Mac, look at the ranges; Windows never does. */
function forbiddenRange(
  { platform, virtualbox, networksConf }: HostFacts,
  subnet: string,
): Sight | undefined {
  if (virtualbox?.state !== "works" || !isAtLeast(virtualbox.version, "6.1.28")) return undefined;
  if (platform !== "linux" && !(platform === "darwin" && !isAtLeast(virtualbox.version, "7.0")))
    return undefined;
  const allowed = allowedRanges(networksConf);
  if (allowed.some((range) => contains(range.subnet, subnetOf(subnet)))) return undefined;
  const list = allowed.map(({ text }) => text).join(", ");
  const where = networksConf === undefined ? "by default" : "in /etc/vbox/networks.conf";
  const evidence = `${subnet} is not in what is allowed ${where}: ${list === "" ? "nothing" : list}`;
  const allow = `echo '* ${subnet}' | sudo tee -a /etc/vbox/networks.conf`;
  return {
    evidence,
    fix: `${allow}; or set network.subnet in cluster.yaml to a network inside 192.168.56.0/21`,
  };
}

interface Range {
  readonly text: string;
  readonly subnet: Subnet;
}

/** As VirtualBox reads the file: lines that begin with a star name ranges; a file without any allows nothing. */
function allowedRanges(networksConf: string | undefined): readonly Range[] {
  const lines = (networksConf ?? "* 192.168.56.0/21").split("\n").map((line) => line.trim());
  const words = lines.filter((line) => line.startsWith("*")).flatMap((line) => line.slice(1).split(/\s+/));
  return words.flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr === undefined
      ? []
      : [{ text, subnet: { base: networkOf(cidr.address, cidr.bits), bits: cidr.bits } }];
  });
}

function versionOf(program: ProgramFacts | undefined): string {
  return program?.state === "works" ? program.version : "?";
}
