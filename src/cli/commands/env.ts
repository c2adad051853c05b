import { AppError } from "../../foundation/errors.ts";
import { guessShell, shellNames } from "../env-script.ts";
import type { ProviderName } from "../../spec/model.ts";
import { valueOf, type Command } from "../command.ts";
import type { Context } from "../context.ts";

export const env: Command = {
  name: "env",
  summary: "settings for fleetctl on this host, for eval",
  description:
    "Prints what a shell must set so that fleetctl on this host reaches the cluster: FLEETCTL_TUNNEL, the cluster's known hosts, and its key in an ssh-agent (one is started where there is none; on Windows it is a service). Where the machines take Vagrant's insecure key, that is added as well.",
  args: [],
  options: [
    { name: "--shell", value: "SHELL", summary: "else the one that is in use", choices: [...shellNames] },
  ],
  examples: [
    { command: 'eval "$(cluster env)" && fleetctl list-machines', meaning: "bash, zsh" },
    { command: "cluster env --shell fish | source", meaning: "fish" },
    { command: "cluster env --shell powershell | Out-String | Invoke-Expression", meaning: "PowerShell" },
    { command: "FOR /f \"tokens=*\" %i IN ('cluster env --shell cmd') DO %i", meaning: "cmd" },
  ],
  run: async (context, input) => {
    const [{ openCluster }, { runningTargets }, { knownHostsPath, operatorKeyPath }, { envScript }] =
      await Promise.all([
        import("../../lifecycle/cluster.ts"),
        import("../../lifecycle/access/reach.ts"),
        import("../../lifecycle/state/keys.ts"),
        import("../env-script.ts"),
      ]);
    const dir = await context.clusterDir();
    const cluster = await openCluster(await context.world(), dir);
    const { stateDir } = cluster.ref;
    const [first] = await runningTargets(cluster);
    if (first === undefined) {
      throw new AppError("E_NODE_UNREACHABLE", "no machine of the cluster runs", { hint: "cluster up" });
    }
    const port = (await context.wiring.sshPorts(stateDir)).get(first.name);
    const variables = {
      FLEETCTL_TUNNEL: port === undefined ? first.address : `127.0.0.1:${port}`,
      FLEETCTL_KNOWN_HOSTS_FILE: knownHostsPath(stateDir),
    };
    const wanted = shellNames.find((one) => one === valueOf(input, "--shell"));
    const script = {
      shell: wanted ?? guessShell(context.io),
      variables,
      keys: [operatorKeyPath(stateDir), ...(await insecureKeys(context, dir, cluster.state.provider))],
      ...(context.io.platform === "linux" ? { copies: `${context.io.home}/.ssh/${cluster.ref.name}` } : {}),
    };
    context.result(envScript(script), { v: 1, variables, key: script.keys[0], keys: script.keys });
    return 0;
  },
};

/** Vagrant's insecure key, where this cluster's machines let it in and this host has it. */
async function insecureKeys(
  context: Context,
  dir: string,
  provider: ProviderName,
): Promise<readonly string[]> {
  if (provider === "nspawn") return [];
  const [{ findInsecureKey }, { vagrantHome }, { injectsInsecureKey }] = await Promise.all([
    import("../../lifecycle/prepare/host-materials.ts"),
    import("../../provider/vagrant/home.ts"),
    import("../../provision/insecure-key.ts"),
  ]);
  if (!injectsInsecureKey(await context.spec(dir), provider)) return [];
  const found = await findInsecureKey(vagrantHome(context.io));
  return found === undefined ? [] : [found.path];
}
