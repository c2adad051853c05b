import { AppError, type ErrorCode } from "../../foundation/errors.ts";
import type { CommandResult } from "../../foundation/exec.ts";
import { lastLines, shellQuote } from "../../foundation/exec.ts";

/** A failure that we know: what happened, in which layer, and what to do about it. */
interface Known {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** In the order in which they are tried: causes before the complaints that follow from them. */
const known: readonly Known[] = [
  {
    pattern: /No space left on device|VERR_DISK_FULL|not enough (free )?space/i,
    code: "E_DISK_FULL",
    message: "the disk of this host is full",
    hint: "free some space ('cluster image prune' and 'vagrant box prune' remove old images), then run the same command again",
  },
  {
    pattern: /cannot set up guest memory|Cannot allocate memory|VERR_NO_MEMORY|NotEnoughMemory/i,
    code: "E_HOST_LACKS",
    message: "this host has too little free memory for the machine",
    hint: "lower machines.memory in cluster.yaml, or end other programs",
  },
  {
    pattern:
      /VERR_VMX_IN_VMX_ROOT_MODE|VERR_SVM_IN_USE|VT-x is being used by another hypervisor|AMD-V is being used by another/i,
    code: "E_IN_USE",
    message: "VirtualBox: another hypervisor (KVM) holds this host's processor",
    hint: "'sudo modprobe -r kvm_intel kvm_amd' gives it free until the next restart; kernels from 6.12 on load KVM at start: add kvm.enable_virt_at_load=0 to the kernel's command line",
  },
  {
    pattern:
      /VERR_VMX_NO_VMX|VERR_SVM_NO_SVM|VERR_VMX_MSR_ALL_VMX_DISABLED|VT-x is (not available|disabled)|AMD-V is (not available|disabled)/i,
    code: "E_HOST_LACKS",
    message: "VirtualBox: this host's processor virtualises nothing",
    hint: "switch VT-x or AMD-V on in the firmware's settings; inside a virtual machine, use --provider nspawn or libvirt",
  },
  {
    pattern: /Could not access KVM kernel module|failed to initialize kvm|KVM is not available|\/dev\/kvm/i,
    code: "E_HOST_LACKS",
    message: "libvirt: KVM runs no machine on this host",
    hint: "set vagrant.libvirtDriver to qemu in cluster.yaml: slower, and it works everywhere",
  },
  {
    pattern: /vboxdrv kernel module is not loaded|VERR_VM_DRIVER_|Kernel driver not installed/i,
    code: "E_HOST_LACKS",
    message: "VirtualBox: its kernel module is not loaded",
    hint: "run 'sudo /sbin/vboxconfig'; with Secure Boot on, the module must be signed first",
  },
  {
    pattern: /Unknown option: --nat-localhostreachable/i,
    code: "E_HOST_LACKS",
    message: "VirtualBox: this version cannot let machines reach a proxy on this host's 127.0.0.1",
    hint: "take VirtualBox 7.0 or newer, or a proxy that listens on another address",
  },
  {
    pattern: /version of VirtualBox installed that is not supported/i,
    code: "E_HOST_LACKS",
    message: "Vagrant does not know this version of VirtualBox",
    hint: "VirtualBox 7.0 needs Vagrant 2.3.2 or newer, 7.1 needs 2.4.2, 7.2 needs 2.4.9",
  },
  {
    pattern: /not within the allowed ranges|E_ACCESSDENIED.*HostOnly/i,
    code: "E_IN_USE",
    message: "VirtualBox: it does not allow host-only networks with these addresses",
    hint: "take a network.subnet in 192.168.56.0/21, or add yours to /etc/vbox/networks.conf (for example '* 10.0.0.0/8')",
  },
  {
    pattern: /libvirt-sock.*Permission denied|authentication unavailable|access denied by policy|polkit/i,
    code: "E_HOST_LACKS",
    message: "libvirt: this user may not use it",
    hint: "add yourself to its group with 'sudo adduser $USER libvirt' and log in again, or use sudo",
  },
  {
    pattern:
      /libvirt-sock|Failed to connect socket to|failed to connect to the hypervisor|unable to connect to Libvirt/i,
    code: "E_HOST_LACKS",
    message: "libvirt: its daemon does not answer",
    hint: "start it with 'sudo systemctl start libvirtd' (package libvirt-daemon-system)",
  },
  {
    pattern: /provider '(libvirt|virtualbox)' could not be found|unknown configuration section 'libvirt'/i,
    code: "E_HOST_LACKS",
    message: "Vagrant: it lacks the plugin for this provider",
    hint: "apt-get install vagrant-libvirt, or 'vagrant plugin install vagrant-libvirt'",
  },
  {
    pattern:
      /another process is already executing an action|another Vagrant process is currently reading or modifying/i,
    code: "E_LOCKED",
    message: "Vagrant: another 'vagrant' is at work on the same machine",
    hint: "wait until it is done, then run the same command again",
  },
  {
    pattern: /checksum of the downloaded box did not match|ChecksumMismatch/i,
    code: "E_COMMAND_FAILED",
    message: "Vagrant: the box that was downloaded is not the one that its list of versions names",
    hint: "run the same command again; if it stays so, the server's files do not fit together, or a proxy changes them",
  },
  {
    pattern:
      /The requested URL returned error: (404|403|410)|couldn't be (found|accessed)|Box .* could not be found|No matching version|no available version that matches/i,
    code: "E_COMMAND_FAILED",
    message: "Vagrant: the box cannot be had",
    hint: "check os.channel and os.version in cluster.yaml, and that the address in the details can be reached from here",
  },
  {
    pattern: /Could not resolve (host|proxy)|Failed to connect to .* port|Connection timed out after/i,
    code: "E_NODE_UNREACHABLE",
    message: "Vagrant: the server of the box does not answer",
    hint: "check the network of this host; behind a proxy set https_proxy for Vagrant, too",
  },
  {
    pattern:
      /domain about to create is already taken|already exists with uuid|VERR_ALREADY_EXISTS|machine.*name.*already exists/i,
    code: "E_IN_USE",
    message: "the hypervisor has a machine of that name already, left from somewhere else",
    hint: "see it with 'virsh list --all' or 'VBoxManage list vms'; remove it if nothing needs it, then run the same command again",
  },
  {
    pattern:
      /Network .*(is already in use|overlaps)|is already in use by interface|address .* already in use/i,
    code: "E_IN_USE",
    message: "the cluster's network is in use on this host",
    hint: "give network.subnet in cluster.yaml another value, for example 192.168.77.0/24",
  },
  {
    pattern: /cannot forward the specified ports|port .* is already in use/i,
    code: "E_IN_USE",
    message: "a port of this host that the cluster forwards is taken",
    hint: "choose another under 'ports' in cluster.yaml",
  },
  {
    pattern: /Timed out while waiting for the machine to boot|machine to boot within|not ready for guest/i,
    code: "E_TIMEOUT",
    message: "the machine was started, but nobody could log in to it in time",
    hint: "see 'cluster logs NODE'; a host without KVM or VT-x is some ten times slower",
  },
  {
    pattern: /Authentication failure|authentication methods failed|SSH authentication failed/i,
    code: "E_NODE_UNREACHABLE",
    message: "Vagrant: the machine takes none of the cluster's keys",
    hint: "destroy and make it again: 'cluster destroy NODE', then 'cluster up NODE'",
  },
  {
    pattern:
      /change cluster\.yaml and run|There is a syntax error in the following Vagrantfile|error loading the Vagrantfile|config\.rb/i,
    code: "E_CONFIG_INVALID",
    message: "the rendered Vagrant folder cannot be read by Vagrant",
    hint: "undo what was changed there by hand (see the details), or run 'cluster render'",
  },
];

/** What a program's failure means. Its last words are always in the details. Pure. */
export function explainFailure(argv: readonly string[], result: CommandResult): AppError {
  const [program = ""] = argv;
  // Vagrant breaks its lines wherever it likes.
  const said = `${result.stdout} ${result.stderr}`.replaceAll(/\s+/g, " ");
  const line = argv.map(shellQuote).join(" ");
  const details = [
    line,
    ...lastLines(cleaned(result.stderr.trim() === "" ? result.stdout : result.stderr), 8),
  ];
  if (result.missing) {
    const hint = program === "vagrant" ? "install it: https://developer.hashicorp.com/vagrant/install" : "";
    return new AppError("E_HOST_LACKS", `the program ${program} is not installed`, {
      details: [`needed for: ${line}`],
      ...(hint === "" ? {} : { hint }),
    });
  }
  if (result.timedOut) {
    return new AppError("E_TIMEOUT", `${program} did not answer`, {
      details,
      hint: `run '${line}' by hand: while that hangs, nothing here can work`,
    });
  }
  const found = known.find(({ pattern }) => pattern.test(said));
  if (found === undefined) {
    return new AppError("E_COMMAND_FAILED", `${program} failed (exit ${result.code ?? "by signal"})`, {
      details,
    });
  }
  return new AppError(found.code, found.message, { details, hint: found.hint });
}

/** Vagrant's prefixes say nothing that we do not say. */
function cleaned(text: string): string {
  return text.replaceAll(/^(==> |    )[\w-]+: /gm, "");
}
