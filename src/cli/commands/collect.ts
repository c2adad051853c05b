import { dryRunOption, isOn, valueOf, type Command } from "../command.ts";

export const collect: Command = {
  name: "collect",
  summary: "one archive for a bug report: versions, findings, logs; without passwords and keys",
  description:
    "Writes what helps to understand a trouble into one .tar.gz that only you can read: cluster.yaml, versions, what the doctor and " +
    "'cluster status' say, the last logs, and what each machine that answers says of itself. Works also when the cluster is down. " +
    "Passwords, keys and tokens are replaced by ***, as far as they are known or look like some: look at it before you send it.",
  args: [],
  options: [
    { name: "--out", value: "FILE", summary: "write it there, instead of flotilla-NAME-TIME.tar.gz here" },
    dryRunOption,
  ],
  examples: [
    { command: "cluster collect", meaning: "then attach the file that it names" },
    { command: "cluster collect --dry-run", meaning: "what would be in it, and what each file is good for" },
  ],
  run: async (context, input) => {
    const { collect } = await import("../collect/collect.ts");
    await collect(context, { out: valueOf(input, "--out"), dryRun: isOn(input, "--dry-run") });
    return 0;
  },
};
