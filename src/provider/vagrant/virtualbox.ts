import type { Exec } from "../../foundation/exec.ts";
import type { Lack } from "../provider.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { explainFailure } from "./trouble.ts";

/** VirtualBox, through its command line. Where it hangs (a kernel module that does not fit), we do not. */
export function virtualbox(exec: Exec): Hypervisor {
  const list = async (what: "vms" | "runningvms"): Promise<ReadonlySet<string>> => {
    const argv = ["VBoxManage", "list", what] as const;
    const result = await exec.run({ argv: [...argv], timeout: 20_000 });
    if (result.code !== 0) throw explainFailure(argv, result);
    return idsIn(result.stdout);
  };
  return {
    name: "virtualbox",
    parallel: false,
    check: async () => await checkVirtualBox(exec),
    prepare: async () => undefined,
    look: async () => {
      const [known, running] = await Promise.all([list("vms"), list("runningvms")]);
      return { known, running };
    },
    powerOff: async (id, signal) => {
      const argv = ["VBoxManage", "controlvm", id, "poweroff"] as const;
      const result = await exec.run({ argv: [...argv], timeout: 30_000, signal });
      signal.throwIfAborted();
      if (result.code === 0 || /is not currently running/.test(result.stderr)) return;
      throw explainFailure(argv, result);
    },
    // Host-only networks are Vagrant's to make and to leave.
    dispose: async () => undefined,
  };
}

/** The ids in lines such as `"demo_core-01_1" {6c3f…}`. */
function idsIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/\{([0-9a-f-]{36})\}\s*$/gm)].map(([, id = ""]) => id));
}

async function checkVirtualBox(exec: Exec): Promise<readonly Lack[]> {
  const result = await exec.run({ argv: ["VBoxManage", "--version"], timeout: 10_000 });
  if (result.missing) {
    return [lack("VirtualBox (VBoxManage)", "install it from https://www.virtualbox.org/wiki/Downloads")];
  }
  if (result.timedOut) {
    const hint = "a kernel module may not fit the kernel: 'sudo /sbin/vboxconfig', or restart this machine";
    return [lack("a VirtualBox that answers: VBoxManage --version hung for 10 s", hint)];
  }
  // It complains about missing kernel modules, yet ends well.
  if (result.code === 0 && !/vboxdrv kernel module is not loaded/.test(`${result.stdout}${result.stderr}`))
    return [];
  const error = explainFailure(["VBoxManage", "--version"], result);
  return [lack(error.message, error.hint ?? "run 'VBoxManage --version' and see what it says")];
}

function lack(what: string, hint: string): Lack {
  return { code: "E_HOST_LACKS", what, hint };
}
