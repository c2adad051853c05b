import type { Trouble } from "../finding.ts";

/** The processor and what lies below the system: whether virtual machines can run here at all. */
export const virtualizationTroubles: readonly Trouble[] = [
  {
    id: "apple-silicon",
    severity: "error",
    title: "this Mac cannot run the machines: their box is for Intel and AMD processors",
    providers: ["virtualbox"],
    fix: "use an Intel Mac, a PC, or a Linux machine with x86-64 (also in the cloud) and '--provider nspawn' there",
    see: ({ platform, appleSilicon }) =>
      platform === "darwin" && appleSilicon
        ? { evidence: "the processor is Apple's; VirtualBox runs only ARM guests on it" }
        : undefined,
  },
  {
    id: "processor-architecture",
    severity: "error",
    title: "the machines' box is for Intel and AMD processors",
    providers: ["virtualbox", "libvirt"],
    fix: "use a machine with an x86-64 processor",
    see: ({ platform, arch }) =>
      platform !== "darwin" && arch !== "x64" ? { evidence: `this processor is ${arch}` } : undefined,
  },
  {
    id: "no-hardware-virtualization",
    severity: "error",
    title: "the processor's virtualization (VT-x or AMD-V) cannot be used",
    providers: ["virtualbox", "libvirt"],
    fix: "switch on VT-x, AMD-V or SVM in the firmware's settings, then start the computer again",
    see: ({ cpu, wsl }, { provider }) => {
      if (cpu === undefined || cpu.virtualization || wsl) return undefined;
      const nested = cpu.guest
        ? {
            fix: "this host is a virtual machine: switch on nested virtualization for it, or use '--provider nspawn'",
          }
        : {};
      // libvirt can do without, some twenty times slower.
      const slow = provider === "libvirt" ? { severity: "warning" as const } : {};
      const where = cpu.guest ? ", and this host is a virtual machine itself" : "";
      return { evidence: `/proc/cpuinfo shows neither vmx nor svm${where}`, ...nested, ...slow };
    },
  },
  {
    id: "no-kvm-device",
    severity: "warning",
    title: "machines will be emulated, which is many times slower",
    providers: ["libvirt"],
    fix: "modprobe kvm_intel (or kvm_amd)",
    see: ({ platform, cpu, kvm }) =>
      platform === "linux" && cpu?.virtualization === true && kvm?.device === false
        ? { evidence: "there is no /dev/kvm although the processor could" }
        : undefined,
  },
  {
    id: "windows-hypervisor",
    severity: "warning",
    title: "another hypervisor owns the processor: VirtualBox's machines are slow, or never answer",
    providers: ["virtualbox"],
    fix: "as administrator: bcdedit /set hypervisorlaunchtype off, switch off Memory integrity (Windows Security, Core isolation), then start Windows again; WSL 2 and Docker Desktop will not work until you set it to auto",
    see: ({ platform, hypervisor }) =>
      platform === "win32" && hypervisor === true
        ? {
            evidence:
              "Windows runs on its own hypervisor (Hyper-V, WSL 2, Docker Desktop or Memory integrity)",
          }
        : undefined,
  },
  {
    id: "virtualbox-in-wsl",
    severity: "error",
    title: "VirtualBox cannot run inside the Windows Subsystem for Linux",
    providers: ["virtualbox"],
    fix: "run 'cluster' and Vagrant on the Windows side (PowerShell); or stay here with '--provider nspawn'",
    see: ({ wsl, kernel }) => (wsl ? { evidence: `the kernel is ${kernel}` } : undefined),
  },
];
