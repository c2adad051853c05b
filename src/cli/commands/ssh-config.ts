import type { Command } from "../command.ts";

export const sshConfig: Command = {
  name: "ssh-config",
  summary: "the machines for ~/.ssh/config",
  args: [],
  options: [],
  examples: [{ command: "cluster ssh-config > config && ssh -F config core-01", meaning: "with OpenSSH" }],
  run: async (context) => {
    const { openCluster } = await import("../../lifecycle/cluster.ts");
    const { targetsOf } = await import("../../lifecycle/access/reach.ts");
    const { knownHostsPath, operatorKeyPath } = await import("../../lifecycle/state/keys.ts");
    const { nodeUser } = await import("../../lifecycle/access/ssh-access.ts");
    const cluster = await openCluster(await context.world(), await context.clusterDir());
    const { stateDir } = cluster.ref;
    const hosts = targetsOf(cluster, []).map(({ name, address }) => ({
      host: name,
      hostName: address,
      user: nodeUser,
      identityFile: operatorKeyPath(stateDir),
      userKnownHostsFile: knownHostsPath(stateDir),
    }));
    const text = hosts.map((host) =>
      [
        `Host ${host.host}`,
        `  HostName ${host.hostName}`,
        `  User ${host.user}`,
        `  IdentityFile "${host.identityFile}"`,
        "  IdentitiesOnly yes",
        `  UserKnownHostsFile "${host.userKnownHostsFile}"`,
        "  StrictHostKeyChecking yes",
        "",
      ].join("\n"),
    );
    context.result(text.join("\n"), { v: 1, hosts });
    return 0;
  },
};
