import type { Exec } from "../../foundation/exec.ts";
import type { ClusterRef, Lack } from "../provider.ts";
import { vagrantFolder } from "./record.ts";
import { explainFailure } from "./trouble.ts";

/** The real `vagrant`, in the folder that was rendered for it: what we do there, a user can do by hand. */
export interface Vagrant {
  /** @throws what the failure means */
  run(cluster: Pick<ClusterRef, "dir">, args: readonly string[], signal: AbortSignal): Promise<string>;
}

/** The oldest Vagrant that reads the Vagrantfile. */
const oldest = [2, 2, 19] as const;
const environment = { VAGRANT_CHECKPOINT_DISABLE: "1", VAGRANT_NO_COLOR: "1" };

export function vagrant(exec: Exec): Vagrant {
  return {
    run: async (cluster, args, signal) => {
      const argv = ["vagrant", "--no-tty", ...args] as const;
      signal.throwIfAborted();
      const result = await exec.run({
        argv: [...argv],
        cwd: vagrantFolder(cluster),
        env: environment,
        signal,
      });
      signal.throwIfAborted();
      if (result.code === 0) return result.stdout;
      throw explainFailure(argv, result);
    },
  };
}

/** What of Vagrant this host lacks for a provider; starts it (some seconds) only when it is installed. */
export async function checkVagrant(exec: Exec, provider: "libvirt" | "virtualbox"): Promise<readonly Lack[]> {
  const version = await exec.run({ argv: ["vagrant", "--version"], env: environment, timeout: 60_000 });
  if (version.missing) {
    const hint = "apt-get install vagrant, or https://developer.hashicorp.com/vagrant/install";
    return [{ code: "E_HOST_LACKS", what: "Vagrant", hint }];
  }
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(version.stdout)?.slice(1).map(Number) ?? [];
  if (isOlder(found, oldest)) {
    const what = `Vagrant ${oldest.join(".")} or newer (here is ${found.join(".") || "none that says its version"})`;
    return [{ code: "E_HOST_LACKS", what, hint: "https://developer.hashicorp.com/vagrant/install" }];
  }
  // Also for VirtualBox, since this is what makes Vagrant write its well-known key, which machines are given.
  const plugins = await exec.run({ argv: ["vagrant", "plugin", "list"], env: environment, timeout: 60_000 });
  if (provider === "virtualbox" || /^vagrant-libvirt\b/m.test(plugins.stdout)) return [];
  const hint = "apt-get install vagrant-libvirt, or 'vagrant plugin install vagrant-libvirt'";
  return [{ code: "E_HOST_LACKS", what: "Vagrant's plugin vagrant-libvirt", hint }];
}

function isOlder(version: readonly number[], limit: readonly number[]): boolean {
  for (const [position, least] of limit.entries()) {
    const part = version[position] ?? -1;
    if (part !== least) return part < least;
  }
  return false;
}
