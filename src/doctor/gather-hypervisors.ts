import type { ProviderName } from "../spec/model.ts";
import type { CpuFacts, HostFacts, KvmFacts, ProgramFacts } from "./facts.ts";
import type { HostWindow } from "./host-window.ts";
import { vagrantHome } from "../provider/vagrant/home.ts";
import { ask, output } from "./program.ts";

/** Vagrant starts a whole Ruby before it answers, ms. */
const vagrantPatience = 20_000;

type Hypervisors = Pick<
  HostFacts,
  | "hypervisor"
  | "cpu"
  | "kvm"
  | "vagrant"
  | "vagrantPlugins"
  | "virtualbox"
  | "virtualboxMachines"
  | "libvirtMachines"
  | "clusterFolders"
  | "networksConf"
  | "libvirt"
  | "libvirtDaemon"
>;

/** The processor, VirtualBox, libvirt and Vagrant, as far as these providers need them. */
export async function gatherHypervisors(
  host: HostWindow,
  providers: readonly ProviderName[],
): Promise<Hypervisors> {
  const wants = { virtualbox: providers.includes("virtualbox"), libvirt: providers.includes("libvirt") };
  const machines = wants.virtualbox || wants.libvirt;
  const linux = host.platform === "linux" && machines;
  const [virtualbox, libvirt, vagrant, hypervisor, cpu, kvm] = await Promise.all([
    wants.virtualbox ? askVirtualBox(host) : undefined,
    wants.libvirt ? askLibvirt(host) : undefined,
    machines ? askVagrant(host, wants.libvirt) : undefined,
    wants.virtualbox && host.platform === "win32" ? windowsHypervisor(host) : undefined,
    linux && host.arch === "x64" ? readCpu(host) : undefined,
    linux ? readKvm(host) : undefined,
  ]);
  return {
    hypervisor,
    cpu,
    kvm,
    vagrant: vagrant?.program,
    vagrantPlugins: vagrant?.plugins,
    virtualbox: virtualbox?.program,
    virtualboxMachines: virtualbox?.machines,
    networksConf: wants.virtualbox ? await host.read("/etc/vbox/networks.conf") : undefined,
    libvirtMachines: libvirt?.machines,
    clusterFolders: machines ? await readClusterFolders(host) : undefined,
    libvirt: libvirt?.program,
    libvirtDaemon: libvirt?.daemon,
  };
}

interface VirtualBox {
  readonly program: ProgramFacts;
  readonly machines: readonly string[] | undefined;
}

async function askVirtualBox(host: HostWindow): Promise<VirtualBox> {
  for (const file of virtualboxPrograms(host)) {
    const program = await ask(host.exec, [file, "--version"]);
    if (program.state === "missing") continue;
    const list = program.state === "works" ? await output(host.exec, [file, "list", "vms"]) : undefined;
    return { program, machines: list === undefined ? undefined : machineNames(list) };
  }
  return { program: { state: "missing" }, machines: undefined };
}

/** Its installer for Windows does not add it to the path. */
function virtualboxPrograms({ platform, env }: HostWindow): readonly string[] {
  if (platform !== "win32") return ["VBoxManage"];
  const folder = env["VBOX_MSI_INSTALL_PATH"] ?? "C:\\Program Files\\Oracle\\VirtualBox\\";
  return ["VBoxManage", `${folder}VBoxManage.exe`];
}

/** Lines such as `"core-01" {d0e1…}`; a machine whose files are gone is called `<inaccessible>`. */
function machineNames(list: string): readonly string[] {
  return [...list.matchAll(/^"(.*)" \{[0-9a-f-]+\}\s*$/gm)].map((match) => match[1] ?? "");
}

interface Libvirt {
  readonly program: ProgramFacts;
  readonly daemon: ProgramFacts | undefined;
  readonly machines: readonly string[] | undefined;
}

async function askLibvirt(host: HostWindow): Promise<Libvirt> {
  const virsh = ["virsh", "-c", "qemu:///system"] as const;
  const program = await ask(host.exec, ["virsh", "--version"]);
  if (program.state !== "works") return { program, daemon: undefined, machines: undefined };
  const daemon = await ask(host.exec, [...virsh, "uri"]);
  const list =
    daemon.state === "works" ? await output(host.exec, [...virsh, "list", "--all", "--name"]) : undefined;
  return { program, daemon, machines: list?.split("\n").filter((name) => name !== "") };
}

interface MachineIndex {
  readonly machines?: Readonly<Record<string, { readonly vagrantfile_path?: string }>>;
}

/** From Vagrant's own list of its machines; that it names a folder does not mean that this is still there. */
async function readClusterFolders(host: HostWindow): Promise<readonly string[] | undefined> {
  const { env, home } = host;
  const platform = host.platform as NodeJS.Platform;
  const text = await host.read(`${vagrantHome({ env, platform, home })}/data/machine-index/index`);
  if (text === undefined) return undefined;
  const folders = new Set<string>();
  for (const { vagrantfile_path = "" } of Object.values(indexOf(text).machines ?? {})) {
    const folder = /^(.*)[\\/]vagrant$/.exec(vagrantfile_path)?.[1];
    if (folder !== undefined && (await host.read(`${folder}/cluster.yaml`)) !== undefined)
      folders.add(folder);
  }
  return [...folders];
}

function indexOf(text: string): MachineIndex {
  try {
    return JSON.parse(text) as MachineIndex;
  } catch {
    return {};
  }
}

async function askVagrant(
  host: HostWindow,
  needsPlugin: boolean,
): Promise<{ program: ProgramFacts; plugins: readonly string[] | undefined }> {
  const program = await ask(host.exec, ["vagrant", "--version"], vagrantPatience);
  if (program.state !== "works" || !needsPlugin) return { program, plugins: undefined };
  const list = await ask(host.exec, ["vagrant", "plugin", "list"], vagrantPatience);
  const plugins =
    list.state === "works"
      ? [...list.says.matchAll(/^([\w-]+) \(/gm)].map((match) => match[1] ?? "")
      : undefined;
  return { program, plugins };
}

async function windowsHypervisor(host: HostWindow): Promise<boolean | undefined> {
  const script = "(Get-CimInstance Win32_ComputerSystem).HypervisorPresent";
  const answer = await output(host.exec, ["powershell", "-NoProfile", "-Command", script]);
  return answer === undefined ? undefined : answer.trim() === "True";
}

async function readCpu(host: HostWindow): Promise<CpuFacts | undefined> {
  const flags = /^flags\s*:(.*)$/m.exec((await host.read("/proc/cpuinfo")) ?? "")?.[1]?.split(" ");
  if (flags === undefined) return undefined;
  return {
    virtualization: flags.includes("vmx") || flags.includes("svm"),
    guest: flags.includes("hypervisor"),
  };
}

async function readKvm(host: HostWindow): Promise<KvmFacts> {
  const [modules, parameter, devices] = await Promise.all([
    host.read("/proc/modules"),
    host.read("/sys/module/kvm/parameters/enable_virt_at_load"),
    host.read("/proc/misc"),
  ]);
  return {
    module: /^(kvm_intel|kvm_amd) /m.exec(modules ?? "")?.[1],
    enabledAtLoad: parameter === undefined ? undefined : /^[Y1]/.test(parameter),
    device: / kvm$/m.test(devices ?? ""),
  };
}
