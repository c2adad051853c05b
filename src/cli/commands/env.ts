import { AppError } from "../../foundation/errors.ts";
import { valueOf, type Command } from "../command.ts";

const shells = ["bash", "zsh", "fish", "powershell", "cmd"] as const;

export const env: Command = {
  name: "env",
  summary: "settings for fleetctl on this host, for eval",
  description:
    "Prints what a shell must set so that fleetctl on this host reaches the cluster: FLEETCTL_TUNNEL, the cluster's known hosts, and its key in an ssh-agent (one is started where there is none).",
  args: [],
  options: [{ name: "--shell", value: "SHELL", summary: "else from $SHELL", choices: [...shells] }],
  examples: [
    { command: 'eval "$(cluster env)" && fleetctl list-machines', meaning: "bash, zsh" },
    { command: "cluster env --shell fish | source", meaning: "fish" },
    { command: "cluster env --shell powershell | Out-String | Invoke-Expression", meaning: "PowerShell" },
  ],
  run: async (context, input) => {
    const [{ openCluster }, { runningTargets }, { knownHostsPath, operatorKeyPath }, { envScript }] =
      await Promise.all([
        import("../../lifecycle/cluster.ts"),
        import("../../lifecycle/reach.ts"),
        import("../../lifecycle/keys.ts"),
        import("../env-script.ts"),
      ]);
    const cluster = await openCluster(await context.world(), await context.clusterDir());
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
    const key = operatorKeyPath(stateDir);
    const shell = shells.find((one) => one === (valueOf(input, "--shell") ?? guess(context.io.env["SHELL"])));
    context.result(envScript(shell ?? "bash", variables, key), { v: 1, variables, key });
    return 0;
  },
};

function guess(path: string | undefined): string {
  return path?.split("/").at(-1) ?? "bash";
}
